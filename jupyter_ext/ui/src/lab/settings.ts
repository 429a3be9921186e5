/** What a person has chosen in JupyterLab's settings; `schema/plugin.json` says what there is to choose. */

import type { ISchemaValidator, ISettingRegistry } from "@jupyterlab/settingregistry";
import { Notification } from "@jupyterlab/apputils";
import type { Preferences } from "../notebook";
import type { Mode } from "../protocol";

export type Side = "left" | "right" | "off";

/** As `schema/plugin.json` has them. */
interface Values {
  panel: Side;
  mode: Mode | "server";
  transcript: boolean;
}

const PLUGIN = "whisperer:plugin";

export class Settings {
  #chosen: ISettingRegistry.ISettings | null = null;

  /** Resolves in any case: with settings that cannot be read the defaults hold, and it is said why. */
  async load(registry: ISettingRegistry | null): Promise<void> {
    try {
      this.#chosen = (await registry?.load(PLUGIN)) ?? null;
    } catch (error) {
      Notification.error(`Whisperer's settings are not used: ${messageOf(error)}`, { autoClose: false });
    }
  }

  get side(): Side {
    return this.#values.panel ?? "right";
  }

  /** `null`: the server's. */
  get mode(): Mode | null {
    const { mode } = this.#values;
    return mode === undefined || mode === "server" ? null : mode;
  }

  get preferences(): Preferences {
    return { mode: this.mode, transcript: this.#values.transcript ?? true };
  }

  onChange(listener: () => void): void {
    this.#chosen?.changed.connect(listener);
  }

  /** Held against the schema when they were loaded. */
  get #values(): Partial<Values> {
    return this.#chosen?.composite ?? {};
  }
}

function messageOf(error: unknown): string {
  if (Array.isArray(error)) return (error as ISchemaValidator.IError[]).map(fault).join("; ");
  return error instanceof Error ? error.message : String(error);
}

function fault({ instancePath, message, params }: ISchemaValidator.IError): string {
  const allowed = params?.["allowedValues"];
  const name = instancePath.replace(/^\/(?:composite|user)?\/?/, "");
  return [name, message, allowed === undefined ? "" : JSON.stringify(allowed)].filter(Boolean).join(" ");
}
