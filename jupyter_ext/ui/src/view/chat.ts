/**
 * The chat as a person sees it. It knows a session and an element to live in, and nothing of who put it there: the
 * notebook widget and a JupyterLab panel use it alike.
 */

import { isOver } from "../entries";
import type { askNotebook, Offer } from "../notebook";
import type { Picture } from "../picture";
import type { ContextItem } from "../protocol";
import { runningTurn } from "../readings";
import type { SessionClient } from "../session";
import { EMPTY, type ChatState } from "../state";
import { question } from "../toolWords";
import { AgentPicker } from "./agentPicker";
import { Announcer } from "./announcer";
import { Cast, tint } from "./cast";
import { CODE_POINTED, CODE_USED, type CodePointed, type CodeUsed } from "./code";
import { Composer, type Draft } from "./composer";
import { Conversation } from "./conversation";
import { button, h, icon, ICONS } from "./dom";
import { PermissionPrompts } from "./permissionPrompt";
import { ProblemBar } from "./problemBar";
import { ProviderBar } from "./providerBar";
import { Repaint } from "./repaint";
import { ScrollPin } from "./scrollPin";
import { isShortcut } from "./shortcut";
import { StatusBar } from "./statusBar";
import { Suggestions } from "./suggestions";

const COMMAND = /^\/[a-z]+(?: [^\n]*)?$/;

export interface ChatOptions {
  draft: Draft;
  /** Asks the notebook around the chat. */
  ask: typeof askNotebook;
}

export class ChatView {
  readonly element = h("section", { class: "whisperer", role: "region", "aria-label": "Whisperer chat" });
  readonly #picker = new AgentPicker((agentId) => void this.session.switchAgent(agentId));
  readonly #provider = new ProviderBar((method, params) => this.session.ask(method, params));
  readonly #problem = new ProblemBar(() => {
    this.session.retry();
  });
  readonly #log = h("div", { class: "whisperer-log", role: "log", "aria-label": "Conversation", "aria-live": "off" });
  readonly #suggestions = new Suggestions((text) => {
    void this.#send(text);
    this.#composer.focus();
  });
  readonly #conversation = new Conversation({
    onTakeBack: (messageId) => void this.session.cancel(messageId),
    onAsk: (text, context) => {
      this.session.send(text, context);
    },
    onAgain: () => {
      this.session.askAgain();
      this.#pin.toEnd();
      // The button is gone with that.
      this.#composer.focus();
    },
    onDiscard: (clientMessageId) => {
      this.session.discard(clientMessageId);
    },
    onStep: (planId, stepId, status) => void this.session.setStep(planId, stepId, status),
    ask: (does, params) => this.options.ask(this.element, does, params),
  });
  readonly #composer: Composer;
  readonly #permissions = new PermissionPrompts({
    onDecide: (requestId, decision) => void this.session.permit(requestId, decision),
    onFocusLost: () => {
      this.#composer.focus();
    },
    readCells: (cellIds) => this.options.ask(this.element, "read", { cellIds }),
  });
  readonly #status = new StatusBar((mode) => {
    // Until the server agrees the old one is in force, and is shown.
    void this.session.setMode(mode).then(() => {
      this.#paint();
    });
  });
  readonly #announcer = new Announcer();
  readonly #pin = new ScrollPin(this.#log, this.#conversation.element);
  readonly #repaint = new Repaint(() => {
    this.#paint();
  });
  readonly #unsubscribe: () => void;
  #settled = EMPTY;
  #cast = new Cast([]);
  #castOf: Picture["agents"] = [];

  constructor(
    private readonly session: SessionClient,
    private readonly options: ChatOptions,
  ) {
    this.#composer = new Composer(options.draft, {
      onSend: (text, context) => this.#send(text, context),
      onStop: () => void this.session.cancel(),
      look: () => options.ask(this.element, "look", {}),
    });
    this.#build();
    this.#unsubscribe = session.subscribe(() => {
      this.#repaint.request();
    });
    this.#paint();
  }

  /** Whether somebody owns the cells around the chat: only then there is something to do with code but copy it. */
  set hasNotebook(has: boolean) {
    this.element.toggleAttribute("data-notebook", has);
    this.#conversation.hasNotebook = has;
    this.#repaint.request();
  }

  /** Puts it with the next message, and the person where she can write that. */
  attach(offer: Offer): void {
    this.#composer.attach(offer);
  }

  /** Begins a message with these words, where none is begun. */
  begin(text: string): void {
    this.#composer.begin(text);
  }

  /** Ends the view; the session goes on. */
  destroy(): void {
    this.#repaint.stop();
    this.#unsubscribe();
    this.#pin.stop();
    this.#conversation.stop();
    this.element.remove();
  }

  #build(): void {
    this.#log.tabIndex = 0;
    this.#log.append(this.#conversation.element, this.#suggestions.element);
    const latest = button(
      "whisperer-latest",
      "Latest message",
      () => {
        this.#pin.toEnd();
      },
      icon(ICONS.down),
    );
    this.element.append(
      h("div", { class: "whisperer-head" }, this.#picker.element, this.#provider.element),
      ...this.#provider.below,
      this.#problem.element,
      h("div", { class: "whisperer-middle" }, this.#log, latest),
      this.#permissions.element,
      this.#composer.element,
      this.#status.element,
      this.#announcer.element,
    );
    this.#pin.onChange = (isPinned) => {
      latest.hidden = isPinned;
    };
    latest.hidden = true;
    this.element.addEventListener(CODE_USED, (event) => {
      this.#useCode(event);
    });
    this.element.addEventListener(CODE_POINTED, (event) => {
      const { does, take } = (event as CustomEvent<CodePointed>).detail;
      const words = this.options.ask(this.element, "point", { does });
      if (words) take(words);
    });
    for (const type of ["keydown", "keyup", "keypress"] as const) {
      this.element.addEventListener(type, (event) => {
        this.#key(event);
      });
    }
  }

  /** The notebook around us has a shortcut on nearly every letter; saving is the one that stays welcome. */
  #key(event: KeyboardEvent): void {
    const isSave = (event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "s";
    if (!isSave) event.stopPropagation();
    if (event.type === "keydown" && this.#obeys(event)) event.preventDefault();
  }

  /** Carries out what a key stands for in the whole chat. Returns whether it stood for anything. */
  #obeys(event: KeyboardEvent): boolean {
    const { chat, agents } = this.session.picture;
    if (event.key === "Escape" && this.#provider.close()) return true;
    if (event.key === "Escape" && runningTurn(chat) !== null) {
      void this.session.cancel();
      return true;
    }
    const called = agents.find(({ shortcut }) => shortcut && isShortcut(shortcut, event));
    if (called) void this.session.switchAgent(called.agent_id);
    return called !== undefined;
  }

  #useCode(event: Event): void {
    const { does, source, language, take } = (event as CustomEvent<CodeUsed>).detail;
    const said = event.target instanceof Element ? event.target.closest<HTMLElement>("[data-agent]") : null;
    const agent = said?.dataset["agent"] ?? this.session.picture.chat.agent;
    const { ask } = this.options;
    const done =
      does === "insert"
        ? ask(this.element, "insert", { source, language, agent })
        : ask(this.element, "replace", { source });
    if (done) take(done);
  }

  #send(text: string, context: readonly ContextItem[] = []): boolean | Promise<boolean> {
    this.#picker.settle();
    this.#pin.toEnd();
    if (COMMAND.test(text)) return this.session.command(text);
    this.session.send(text, context);
    return true;
  }

  /** While earlier events are replayed, what was there before them: a replay is no news, and is shown at once. */
  get #picture(): Picture {
    const { picture, isCaughtUp } = this.session;
    if (isCaughtUp && picture.connection !== "connecting") this.#settled = picture.chat;
    return { ...picture, chat: this.#settled };
  }

  #paint(): void {
    const picture = this.#picture;
    if (picture.agents !== this.#castOf) {
      this.#castOf = picture.agents;
      this.#cast = new Cast(picture.agents);
    }
    const { chat, connection } = picture;
    tint(this.element, this.#cast.get(chat.agent));
    this.#picker.update(picture.agents, chat.agent, connection === "live");
    this.#provider.update(picture);
    this.#problem.update(picture);
    this.element.dataset["connection"] = connection;
    const canTick = this.session.isCaughtUp && this.element.hasAttribute("data-notebook");
    this.#conversation.update(picture, this.#cast, canTick);
    this.#paintSuggestions(picture);
    this.#composer.update(runningTurn(chat) !== null, chat.agent && this.#cast.nameOf(chat.agent), picture.agents);
    this.#status.update(picture);
    this.#paintPermissions(picture);
    this.#announceEnd(chat);
    this.#pin.follow();
  }

  #paintPermissions({ chat, connection }: Picture): void {
    // What is settled further on in a replay is not worth asking.
    const asked = this.session.isCaughtUp ? chat.permissions : [];
    const fresh = this.#permissions.update(asked, this.#cast).at(-1);
    // Without a connection an answer would reach nobody.
    this.#permissions.element.inert = connection !== "live";
    if (fresh) this.#announcer.say(`Permission: ${question(fresh, this.#cast.nameOf(fresh.agent))}.`);
  }

  #paintSuggestions({ chat, outgoing, connection }: Picture): void {
    const isAsked = outgoing.length > 0 || chat.entries.some(({ role }) => role === "user");
    const offered = isAsked || connection !== "live" ? undefined : this.#cast.get(chat.agent)?.suggestions;
    this.#suggestions.update(offered ?? null);
  }

  #announceEnd({ entries }: ChatState): void {
    this.#log.setAttribute("aria-busy", String(entries.some((entry) => entry.role === "assistant" && !isOver(entry))));
    this.#announcer.sayEnd(entries, this.session.isCaughtUp, ({ agent, messageId }) => ({
      author: this.#cast.nameOf(agent),
      text: this.#conversation.plainText(messageId),
    }));
  }
}
