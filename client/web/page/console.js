// One console over the whole page: its bar, and a display or a terminal under it. It
// begins again by itself when the line or the guest comes back.

import * as api from "./api.js";
import {element} from "./api.js";
import {act, findDomain, isActive, knowsHost, refreshHost, stateWord} from "./list.js";
import {Display} from "./display.js";
import {Line} from "./line.js";

const AGAIN_MS = [500, 1000, 2000, 4000, 8000];
const LOOK_MS = 2000;

export class Console {
    constructor(root, host, uuid, kind, n) {
        Object.assign(this, {root, host, uuid, kind, n, closed: false, tries: 0});
        this.query = {};
        this.make();
        this.connect();
        this.look();
    }

    // -- the frame ---------------------------------------------------------------

    make() {
        this.back = element("a", {class: "button", href: "#/"}, "← Guests");
        this.title = element("h1", {class: "name"}, findDomain(this.host, this.uuid)?.name ?? "");
        this.where = element("span", {class: "address"}, this.host);
        this.status = element("p", {class: "status", role: "status"});
        this.tabs = element("nav", {class: "tabs", "aria-label": "Consoles of this guest"});
        this.tools = element("div", {class: "row tools"});
        this.stage = element("div", {class: `stage ${this.kind}`});
        this.veil = element("div", {class: "veil", hidden: true, role: "alert"});
        this.bar = element("header", {class: "bar"}, this.back,
            element("div", {class: "names"}, this.title, this.where), this.tabs, this.status,
            this.tools);
        this.root.replaceChildren(this.bar, element("div", {class: "body"}, this.stage, this.veil));
        this.root.hidden = false;
        this.onkey = event => this.key(event);
        this.root.addEventListener("keydown", this.onkey, {capture: true});
    }

    // Before the guest gets it.
    key(event) {
        const inside = this.stage.contains(event.target);
        if (event.ctrlKey && event.altKey && event.shiftKey && event.code === "KeyQ") {
            this.view?.release();
            this.back.focus();
            this.say("The keyboard is yours: Esc goes back to the guests");
        } else if (event.key === "Escape" && !inside && !event.defaultPrevented) {
            location.hash = "#/";
        } else {
            return;
        }
        event.preventDefault();
        event.stopPropagation();
    }

    say(words) {
        this.status.textContent = words;
    }

    // Words over the stage, with what can be done about it.
    cover(words, detail, buttons = []) {
        this.veil.replaceChildren(element("div", {class: "sheet"}, element("h2", null, words),
            detail ? element("p", null, detail) : null,
            element("div", {class: "row"}, ...buttons)));
        this.veil.hidden = false;
    }

    choice(label, run, kind = "") {
        return element("button", {class: kind, onclick: run}, label);
    }

    // -- connecting ----------------------------------------------------------------

    connect(query) {
        clearTimeout(this.again);
        if (query)
            this.query = query;
        this.disconnect();
        this.say("Connecting …");
        const View = this.kind === "graphics" ? Display : Line;
        this.view ??= new View(this);
        this.view.connect(more => api.consoleUrl(this.host, this.uuid, this.kind, this.n,
            {...this.query, ...more}));
    }

    disconnect() {
        this.view?.disconnect();
    }

    opened(facts) {
        this.tries = 0;
        this.veil.hidden = true;
        this.title.textContent = facts.name ? decodeURIComponent(facts.name)
            : this.title.textContent;
        document.title = `${this.title.textContent} – virtmux`;
        this.say(facts.mode === "watch" || this.query.watch ? "Watching: keys go nowhere"
            : "Connected");
        this.view.focus();
        this.makeTools();
    }

    // The server's word of the end, or what became of the line.
    ended(why) {
        if (this.closed)
            return;
        this.say("Disconnected");
        if (why.error === "busy") {
            this.cover("Somebody else has it", why.message, [
                this.kind === "serial" ? this.choice("Watch", () => this.connect({watch: "true"}))
                    : null,
                this.choice("Take over", () => this.connect({force: "true"}), "danger"),
                element("a", {class: "button", href: "#/"}, "Back"),
            ].filter(Boolean));
        } else if (["denied", "not-found", "unsupported", "invalid-params"].includes(why.error)) {
            this.cover("It cannot be opened", why.message,
                [element("a", {class: "button", href: "#/"}, "Back")]);
        } else {
            delete this.query.force;
            this.comeBack(why);
        }
    }

    async comeBack(why) {
        await refreshHost(this.host);
        if (this.closed)
            return;
        const domain = findDomain(this.host, this.uuid);
        if (domain && !isActive(domain.state)) {
            this.cover(`${domain.name} is ${stateWord(domain.state).toLowerCase()}`,
                "This console opens again when it starts.", [
                    this.choice("Start", () => act(this.host, domain, "start"), "primary"),
                    element("a", {class: "button", href: "#/"}, "Back")]);
            this.waiting = true;
            return;
        }
        const pause = AGAIN_MS[Math.min(this.tries++, AGAIN_MS.length - 1)];
        this.cover("Connecting again …", why.message ?? "The host has closed it.", [
            this.choice("Now", () => this.connect()),
            element("a", {class: "button", href: "#/"}, "Back")]);
        this.again = setTimeout(() => this.connect(), pause);
    }

    // What else the guest has, and whether it is back.
    async look() {
        if (this.closed)
            return;
        const domain = findDomain(this.host, this.uuid);
        if (this.waiting && domain && isActive(domain.state)) {
            this.waiting = false;
            this.connect();
        }
        if (domain && !this.title.textContent)
            this.title.textContent = domain.name;
        if (knowsHost(this.host)?.state === "open")
            await this.makeTabs();
        this.looking = setTimeout(() => this.look(), LOOK_MS);
    }

    async makeTabs() {
        let info;
        try {
            info = await api.info(this.host, this.uuid);
        } catch {
            return;
        }
        const made = [
            ...info.graphics.map(g => ["graphics", g.n, "Display"]),
            ...info.serial.filter(s => s.device !== "console" || !info.serial.some(
                other => other.device === "serial")).map(s => ["serial", s.n, "Terminal"])];
        const text = JSON.stringify(made);
        if (text === this.made || this.closed)
            return;
        this.made = text;
        const several = kind => made.filter(one => one[0] === kind).length > 1;
        this.tabs.replaceChildren(...made.map(([kind, n, word]) => element("a", {
            href: `#/${encodeURIComponent(this.host)}/${this.uuid}/${kind}/${n}`,
            "aria-current": kind === this.kind && n === this.n ? "page" : null,
        }, several(kind) ? `${word} ${n}` : word)));
    }

    makeTools() {
        this.tools.replaceChildren(...this.view.tools(),
            this.choice("Full screen", () => document.fullscreenElement
                ? document.exitFullscreen() : this.root.requestFullscreen(), "wide"));
    }

    close() {
        this.closed = true;
        clearTimeout(this.again);
        clearTimeout(this.looking);
        this.disconnect();
        this.view?.close();
        this.root.removeEventListener("keydown", this.onkey, {capture: true});
        this.root.hidden = true;
        this.root.replaceChildren();
        document.title = "virtmux";
    }
}
