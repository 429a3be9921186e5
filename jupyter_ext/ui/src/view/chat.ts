/**
 * The chat as a person sees it. It knows a session and an element to live in, and nothing of who put it there: the
 * notebook widget and a JupyterLab panel use it alike.
 */

import type { askNotebook, Offer } from "../notebook";
import type { ContextItem } from "../protocol";
import type { Picture } from "../picture";
import { runningTurn } from "../readings";
import type { SessionClient } from "../session";
import { EMPTY } from "../state";
import { question } from "../toolWords";
import { aroundChoice, usageDetail, usageWords } from "../words";
import { AgentPicker } from "./agentPicker";
import { Cast, tint } from "./cast";
import { CODE_POINTED, CODE_USED, type CodePointed, type CodeUsed } from "./code";
import { Composer, type Draft } from "./composer";
import { Conversation } from "./conversation";
import { button, h, icon, ICONS, setText } from "./dom";
import { ModePicker } from "./modePicker";
import { PermissionPrompts } from "./permissionPrompt";
import { ProviderPanel } from "./providerPanel";
import { Repaint } from "./repaint";
import { ScrollPin } from "./scrollPin";
import { isShortcut } from "./shortcut";

const DEMO = "built-in demo model, often wrong: connect a larger one";
const COMMAND = /^\/[a-z]+(?: [^\n]*)?$/;
const HINT = "Enter sends · Shift+Enter new line";
const RUNNING_HINT = "Enter queues · Esc stops";
const ANNOUNCED_CHARACTERS = 300;
const NO_SUGGESTIONS: readonly string[] = [];

export interface ChatOptions {
  draft: Draft;
  /** Asks the notebook around the chat. */
  ask: typeof askNotebook;
}

export class ChatView {
  readonly element = h("section", { class: "whisperer", role: "region", "aria-label": "Whisperer chat" });
  readonly #head = h("div", { class: "whisperer-head" });
  readonly #picker = new AgentPicker((agentId) => void this.session.switchAgent(agentId));
  readonly #provider = h("div", { class: "whisperer-provider", role: "status", "aria-label": "Provider" });
  readonly #panel = new ProviderPanel(
    (method, params) => this.session.ask(method, params),
    () => {
      this.#choose.setAttribute("aria-expanded", "false");
      this.#choose.focus();
    },
  );
  readonly #choose = button("whisperer-quiet", "Choose a provider", () => {
    this.#choosing();
  }, icon(ICONS.choose));
  readonly #badge = h("div", { class: "whisperer-badge", hidden: true });
  readonly #notice = h("div", { class: "whisperer-notice", hidden: true });
  readonly #problem = h("div", { class: "whisperer-problem", role: "alert", hidden: true });
  readonly #log = h("div", { class: "whisperer-log", role: "log", "aria-label": "Conversation", "aria-live": "off" });
  readonly #suggestions = h("div", { class: "whisperer-suggestions", role: "group", "aria-label": "Suggestions" });
  readonly #conversation = new Conversation({
    onTakeBack: (messageId) => void this.session.cancel(messageId),
    onAsk: (text, context) => {
      this.session.send(text, context);
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
  readonly #mode = new ModePicker((mode) => {
    // Until the server agrees the old one is in force, and is shown.
    void this.session.setMode(mode).then(() => {
      this.#paint();
    });
  });
  readonly #connection = h("div", { class: "whisperer-connection", role: "status", "aria-label": "Connection" });
  readonly #hint = h("div", { class: "whisperer-hint", "aria-hidden": "true" });
  readonly #usage = h("div", { class: "whisperer-usage", title: "This session so far" });
  readonly #announcer = h("div", { class: "whisperer-unseen", "aria-live": "polite" });
  readonly #pin = new ScrollPin(this.#log, this.#conversation.element);
  readonly #repaint = new Repaint(() => {
    this.#paint();
  });
  readonly #unsubscribe: () => void;
  #settled = EMPTY;
  #cast = new Cast([]);
  #castOf: Picture["agents"] = [];
  #suggested = NO_SUGGESTIONS;
  /** Turns whose end was announced, or was old when this view began. */
  #ended: ReadonlySet<string> | null = null;

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
    this.#choose.setAttribute("aria-expanded", "false");
    this.#head.append(
      this.#picker.element,
      h("div", { class: "whisperer-answering" }, this.#provider, this.#choose),
    );
    this.#log.append(this.#conversation.element, this.#suggestions);
    const latest = button(
      "whisperer-latest",
      "Latest message",
      () => {
        this.#pin.toEnd();
      },
      icon(ICONS.down),
    );
    this.element.append(
      this.#head,
      this.#panel.element,
      this.#badge,
      this.#notice,
      this.#problem,
      h("div", { class: "whisperer-middle" }, this.#log, latest),
      this.#permissions.element,
      this.#composer.element,
      h("div", { class: "whisperer-foot" }, this.#mode.element, this.#connection, this.#hint, this.#usage),
      this.#announcer,
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
    if (event.key === "Escape" && this.#panel.isOpen) {
      this.#panel.close();
      return true;
    }
    if (event.key === "Escape" && runningTurn(chat) !== null) {
      void this.session.cancel();
      return true;
    }
    const called = agents.find(({ shortcut }) => shortcut && isShortcut(shortcut, event));
    if (called) void this.session.switchAgent(called.agent_id);
    return called !== undefined;
  }

  #choosing(): void {
    if (this.#panel.isOpen) {
      this.#panel.close();
      return;
    }
    this.#choose.setAttribute("aria-expanded", "true");
    void this.#panel.open();
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
    this.#paintProvider(picture);
    this.#paintProblem(picture);
    const canTick = this.session.isCaughtUp && this.element.hasAttribute("data-notebook");
    this.#conversation.update(picture, this.#cast, canTick);
    this.#paintSuggestions(picture);
    const isRunning = runningTurn(chat) !== null;
    this.#composer.update(isRunning, chat.agent && this.#cast.nameOf(chat.agent), picture.agents);
    this.#mode.update(chat.mode, connection === "live");
    this.#paintPermissions(picture);
    setText(this.#hint, connection === "live" ? (isRunning ? RUNNING_HINT : HINT) : "");
    const used = usageWords(chat.usage);
    setText(this.#usage, used && `${used} in this session`);
    this.#usage.title = usageDetail(chat.usage);
    this.#announceEnds(picture);
    this.#pin.follow();
  }

  #paintPermissions({ chat }: Picture): void {
    // What is settled further on in a replay is not worth asking.
    const asked = this.session.isCaughtUp ? chat.permissions : [];
    const fresh = this.#permissions.update(asked, this.#cast).at(-1);
    if (fresh) this.#announcer.textContent = `Permission: ${question(fresh, this.#cast.nameOf(fresh.agent))}.`;
  }

  #paintProvider({ chat, connection, remarks }: Picture): void {
    const { provider } = chat;
    setText(this.#provider, provider ? [provider.label, provider.model].filter(Boolean).join(" · ") : "");
    this.#provider.title = this.#provider.textContent;
    const demo = provider?.demo === true;
    this.#paintBadge(demo ? [DEMO, provider.notice].filter(Boolean).join(". ") : "");
    setText(this.#notice, [demo ? "" : provider?.notice, remarks.where].filter(Boolean).join(" "));
    this.#choose.disabled = connection !== "live";
    this.element.dataset["connection"] = connection;
    const words = { connecting: "Connecting…", live: "", reconnecting: "Reconnecting…", failed: "Not connected" };
    const shown = remarks.delay ?? words[connection];
    // Stays in the document while it is empty: screen readers only watch what was there before.
    if (this.#connection.textContent !== shown) this.#connection.textContent = shown;
  }

  /** Where its words are about choosing a provider, they lead there. */
  #paintBadge(words: string): void {
    if (this.#badge.textContent === words) return;
    this.#badge.hidden = words === "";
    const around = aroundChoice(words);
    this.#badge.replaceChildren(...(around ? [around.before, this.#choiceIn(around.choice), around.after] : [words]));
  }

  #choiceIn(words: string): HTMLElement {
    const open = () => {
      if (!this.#choose.disabled && !this.#panel.isOpen) this.#choosing();
    };
    return button("whisperer-choice", words, open, words);
  }

  #paintProblem({ problem, chat }: Picture): void {
    const words = problem ?? (chat.status === 3 ? (chat.statusReason ?? "The session has failed.") : null);
    if ((this.#problem.firstElementChild?.textContent ?? null) === words) return;
    this.#problem.hidden = words === null;
    this.#problem.replaceChildren(
      ...(words === null ? [] : [h("p", {}, words)]),
      ...(problem === null
        ? []
        : [
            button(
              "whisperer-quiet",
              "Try again",
              () => {
                this.session.retry();
              },
              "Try again",
            ),
          ]),
    );
  }

  #paintSuggestions({ chat, outgoing, connection }: Picture): void {
    const isEmpty = outgoing.length === 0 && !chat.entries.some(({ role }) => role === "user");
    const offered = isEmpty && connection === "live" ? (this.#cast.get(chat.agent)?.suggestions ?? NO_SUGGESTIONS) : NO_SUGGESTIONS;
    if (offered === this.#suggested) return;
    this.#suggested = offered;
    this.#suggestions.hidden = offered.length === 0;
    this.#suggestions.replaceChildren(
      ...offered.map((text) =>
        button(
          "whisperer-suggestion",
          text,
          () => {
            void this.#send(text);
            this.#composer.focus();
          },
          text,
        ),
      ),
    );
  }

  #announceEnds({ chat }: Picture): void {
    const replies = chat.entries.filter((entry) => entry.role === "assistant");
    this.#log.setAttribute("aria-busy", String(replies.some(({ finishReason }) => finishReason === null)));
    const ended = replies.filter(({ finishReason }) => finishReason !== null);
    const before = this.#ended;
    this.#ended = new Set(ended.map(({ messageId }) => messageId));
    if (!before || !this.session.isCaughtUp) return;
    const fresh = ended.filter(({ messageId }) => !before.has(messageId)).at(-1);
    if (!fresh) return;
    const said = this.#conversation.plainText(fresh.messageId).slice(0, ANNOUNCED_CHARACTERS);
    this.#announcer.textContent = `${this.#cast.nameOf(fresh.agent)}: ${said}`;
  }
}
