/** Who answers: choosing provider and model, entering a key, and trying whether it would answer. */

import type { ProviderOffer, ProviderOffers, RequestMethod, Requests } from "../protocol";
import { randomId } from "../randomId";
import { button, h, setText } from "./dom";

/** Makes a request of the server; rejects with words for the user. */
export type Ask = <M extends RequestMethod>(method: M, params: Requests[M]["params"]) => Promise<Requests[M]["result"]>;

export class ProviderPanel {
  readonly element = h("div", { class: "whisperer-choice", role: "dialog", "aria-label": "Choose a provider", hidden: true });
  readonly #group = `whisperer-provider-${randomId()}`;
  readonly #models = h("datalist", { id: `${this.#group}-models` });
  readonly #list = h("div", { class: "whisperer-offers", role: "radiogroup", "aria-label": "Provider" });
  readonly #key = h("input", { type: "password", "aria-label": "Key", autocomplete: "off", spellcheck: "false", placeholder: "Paste a key" });
  readonly #remember = h("input", { type: "checkbox" });
  readonly #rememberRow = h("label", {}, this.#remember, "Remember it in this computer's keyring");
  readonly #forget = button("whisperer-quiet", "Forget the key", () => void this.#run(() => this.#forgetKey()), "Forget the key");
  readonly #keyRow = h("div", { class: "whisperer-key" }, this.#key, this.#forget, this.#rememberRow);
  readonly #model = h("input", { type: "text", "aria-label": "Model", list: this.#models.id, autocomplete: "off", spellcheck: "false" });
  readonly #use = button("whisperer-answer", "Use this provider", () => void this.#run(() => this.#choose()), "Use");
  readonly #try = button("whisperer-answer", "Test connection", () => void this.#run(() => this.#test()), "Test connection");
  readonly #said = h("p", { role: "status", "aria-label": "Result" });
  #offers: ProviderOffers | null = null;
  #picked: ProviderOffer | null = null;

  constructor(
    private readonly ask: Ask,
    /** It was closed: the focus belongs elsewhere. */
    private readonly onClose: () => void,
  ) {
    const close = button(
      "whisperer-answer",
      "Close",
      () => {
        this.close();
      },
      "Close",
    );
    this.element.append(
      this.#list,
      this.#keyRow,
      h("label", { class: "whisperer-model" }, "Model", this.#model, this.#models),
      h("div", { class: "whisperer-permission-answers" }, this.#use, this.#try, close),
      this.#said,
    );
  }

  get isOpen(): boolean {
    return !this.element.hidden;
  }

  async open(): Promise<void> {
    this.element.hidden = false;
    this.#say("Looking for providers…");
    await this.#run(async () => {
      await this.#load();
      this.#say(this.#offers?.locked ? "Who answers is fixed on this server." : "");
      this.#list.querySelector<HTMLElement>(":checked")?.focus();
    });
  }

  close(): void {
    this.element.hidden = true;
    // A key stays nowhere in the page.
    this.#key.value = "";
    this.onClose();
  }

  async #load(): Promise<void> {
    this.#offers = await this.ask("provider.list", {});
    const { providers, locked, keyring } = this.#offers;
    this.#rememberRow.hidden = !keyring;
    for (const control of [this.#use, this.#key, this.#forget, this.#remember]) control.disabled = locked;
    this.#list.replaceChildren(...providers.map((offer) => this.#choice(offer)));
    const name = this.#picked?.name;
    const picked = providers.find((offer) => offer.name === name) ?? providers.find(({ current }) => current) ?? providers[0];
    if (picked) this.#pick(picked);
  }

  #choice(offer: ProviderOffer): HTMLElement {
    const radio = h("input", { type: "radio", name: this.#group, value: offer.name, "aria-label": offer.label });
    radio.addEventListener("change", () => {
      this.#key.value = "";
      this.#say("");
      this.#pick(offer);
    });
    return h("label", {}, radio, h("span", {}, offer.label), h("span", { class: "whisperer-quietly" }, stateOf(offer)));
  }

  #pick(offer: ProviderOffer): void {
    this.#picked = offer;
    const radio = this.#list.querySelector<HTMLInputElement>(`[value="${offer.name}"]`);
    if (radio) radio.checked = true;
    this.#keyRow.hidden = !offer.needsKey;
    this.#forget.hidden = offer.key === null || offer.key === "environment";
    this.#model.value = offer.model ?? "";
    this.#models.replaceChildren();
    if (offer.current) void this.#offerModels(offer.name);
  }

  /** A list is nice to have: a model can be named without one. */
  async #offerModels(name: string): Promise<void> {
    const listed = await this.ask("model.list", {}).catch(() => ({ models: [] }));
    if (this.#picked?.name !== name) return;
    this.#models.replaceChildren(...listed.models.map(({ id }) => h("option", { value: id })));
  }

  async #choose(): Promise<void> {
    const picked = this.#picked;
    if (!picked) return;
    const key = this.#key.value;
    if (key) {
      await this.ask("provider.set_key", { name: picked.name, key, remember: this.#remember.checked });
      this.#key.value = "";
    }
    const { provider } = await this.ask("provider.select", { name: picked.name, ...this.#modelWanted });
    await this.#load();
    this.#say([`${provider.label} answers from the next message on.`, provider.notice].filter(Boolean).join(" "));
  }

  async #test(): Promise<void> {
    if (!this.#picked) return;
    const { name } = this.#picked;
    const key = this.#key.value ? { key: this.#key.value } : {};
    this.#say("Asking…");
    const { ok, message } = await this.ask("provider.test", { name, ...key, ...this.#modelWanted });
    this.#say(message, !ok);
  }

  async #forgetKey(): Promise<void> {
    if (!this.#picked) return;
    const { name, label } = this.#picked;
    await this.ask("provider.set_key", { name, key: "" });
    await this.#load();
    this.#say(`The key for ${label} is forgotten.`);
  }

  get #modelWanted(): { model?: string } {
    const model = this.#model.value.trim();
    return model ? { model } : {};
  }

  async #run(work: () => Promise<void>): Promise<void> {
    this.element.setAttribute("aria-busy", "true");
    try {
      await work();
    } catch (error) {
      this.#say(error instanceof Error ? error.message : String(error), true);
    } finally {
      this.element.removeAttribute("aria-busy");
    }
  }

  #say(words: string, isWrong = false): void {
    setText(this.#said, words);
    this.#said.toggleAttribute("data-wrong", isWrong);
  }
}

/** What of a provider is known before it is chosen. */
export function stateOf({ name, current, available, needsKey, key, model }: ProviderOffer): string {
  if (current) return "answers now";
  if (needsKey) return key ? KEYS[key] : "needs a key";
  if (name === "embedded") return "runs on this computer, no key";
  return available ? `runs on this computer${model ? `, with ${model}` : ""}` : "not running";
}

const KEYS = {
  entered: "key entered",
  environment: "key from the environment",
  keyring: "key from the keyring",
} as const;
