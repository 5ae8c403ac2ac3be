// The guests of all hosts: what is known of them, kept fresh, and their cards. An
// element stays as long as its guest does, so that focus and pictures survive.

import * as api from "./api.js";
import {element, note, size} from "./api.js";

const FRESH_MS = 2000;          // between two looks at a host
const PICTURE_MS = 4000;        // between two pictures of a guest
const RUNNING = new Set(["running", "paused", "blocked", "pm-suspended", "in-shutdown"]);

const main = document.getElementById("main");
const hosts = new Map();        // name -> {state, reason, section, grid, cards}
let wanted = "";                // the filter
let stopped = false;            // a console covers the list

export const isActive = state => RUNNING.has(state);

const words = {
    "running": "Running", "blocked": "Running", "paused": "Paused",
    "in-shutdown": "Shutting down", "shut-off": "Off", "crashed": "Crashed",
    "pm-suspended": "Asleep", "no-state": "Unknown",
};
export const stateWord = state => words[state] ?? state;

export function findDomain(host, uuid) {
    return hosts.get(host)?.cards.get(uuid)?.domain ?? null;
}

export const knowsHost = host => hosts.get(host);

// -- what is done to a guest ----------------------------------------------------

const doing = {
    start: "Starting", shutdown: "Asking to shut down", reboot: "Asking to reboot",
    destroy: "Powering off", suspend: "Pausing", resume: "Resuming",
};

export async function act(host, domain, action) {
    if (action === "destroy" && !await api.ask(`Power off ${domain.name}?`,
        `The guest on ${host} is not asked, as if its plug were pulled: what it has not ` +
        "written is lost. Its definition and its disks stay.", "Power off"))
        return;
    const card = hosts.get(host)?.cards.get(domain.uuid);
    card?.setBusy(doing[action]);
    try {
        await api.act(host, domain.uuid, action);
        if (action === "shutdown" || action === "reboot")
            note(`${domain.name} was asked to ${action === "reboot" ? "reboot" : "shut down"}`);
    } catch (error) {
        note(`${domain.name}: ${error.message}`, "error");
    }
    card?.setBusy(null);
    await refreshHost(host);
}

// -- a card ----------------------------------------------------------------------

class Card {
    constructor(host, domain) {
        this.host = host;
        this.domain = domain;
        this.consoles = null;   // of domain.info, while it is active
        this.pictureAt = 0;
        this.visible = false;
        this.busy = null;
        this.make();
        this.update(domain);
    }

    make() {
        this.image = element("img", {alt: "", hidden: true, decoding: "async"});
        this.blank = element("span", {class: "blank"});
        this.screen = element("button", {class: "screen", onclick: () => this.open()},
            this.image, this.blank);
        this.name = element("h3");
        this.state = element("span", {class: "state"});
        this.facts = element("p", {class: "facts"});
        this.buttons = element("div", {class: "row buttons"});
        this.element = element("article", {class: "card"}, this.screen,
            element("div", {class: "body"},
                element("div", {class: "row"}, this.name, this.state), this.facts,
                this.buttons));
        this.element.addEventListener("keydown", event => this.key(event));
        this.element.card = this;
    }

    link(kind) {
        return `#/${encodeURIComponent(this.host)}/${this.domain.uuid}/${kind}/0`;
    }

    get display() {
        return this.consoles?.graphics.some(g => g.type === "vnc");
    }

    open(kind) {
        if (!isActive(this.domain.state))
            return;
        location.hash = this.link(kind ?? (this.display === false ? "serial" : "graphics"));
    }

    key(event) {
        if (event.target !== this.screen || event.ctrlKey || event.altKey || event.metaKey)
            return;
        if (event.key === "t")
            this.open("serial");
        else if (event.key === "s" && !isActive(this.domain.state))
            act(this.host, this.domain, "start");
        else
            return;
        event.preventDefault();
    }

    button(label, action, extra = "") {
        return element("button", {class: extra, "aria-label": `${label} ${this.domain.name}`,
            disabled: this.busy !== null,
            onclick: () => act(this.host, this.domain, action)}, label);
    }

    // What may be done in this state, in an order that does not jump.
    makeButtons() {
        const {state} = this.domain;
        if (!isActive(state))
            return [this.button("Start", "start", "primary")];
        const made = [];
        if (this.display !== false)
            made.push(element("a", {class: "button", href: this.link("graphics"),
                "aria-label": `Display of ${this.domain.name}`}, "Display"));
        if (!this.consoles || this.consoles.serial.length > 0)
            made.push(element("a", {class: "button", href: this.link("serial"),
                "aria-label": `Terminal of ${this.domain.name}`}, "Terminal"));
        made.push(element("span", {class: "gap"}));
        if (state === "paused")
            made.push(this.button("Resume", "resume"));
        else
            made.push(this.button("Shut down", "shutdown"));
        made.push(this.button("Power off", "destroy", "danger"));
        return made;
    }

    update(domain) {
        const before = this.domain.state;
        this.domain = domain;
        const active = isActive(domain.state);
        if (!active || !isActive(before)) {
            this.consoles = null;
            this.pictureAt = 0;
        }
        if (!active)
            this.setPicture(null);
        const shown = JSON.stringify([domain.name, domain.title, domain.state, domain.vcpus,
            domain.memory, domain.memory_max, this.busy, this.consoles]);
        if (shown === this.shown)
            return;
        this.shown = shown;
        this.name.textContent = domain.name;
        this.name.title = domain.title ?? domain.name;
        this.state.textContent = this.busy ?? stateWord(domain.state);
        this.element.dataset.state = this.busy ? "busy" : domain.state;
        this.element.setAttribute("aria-label", `${domain.name}, ${stateWord(domain.state)}`);
        this.facts.textContent = [
            `${domain.vcpus} CPU${domain.vcpus === 1 ? "" : "s"}`,
            size(active ? domain.memory : domain.memory_max),
            domain.autostart ? "autostart" : null, domain.persistent === false ? "transient" : null,
        ].filter(Boolean).join(" · ");
        this.screen.setAttribute("aria-disabled", String(!active));
        this.screen.setAttribute("aria-label", active
            ? `Open ${domain.name}` : `${domain.name} is ${stateWord(domain.state).toLowerCase()}`);
        this.blank.textContent = !active ? stateWord(domain.state)
            : this.consoles && !this.consoles.graphics.length ? "No display" : "";
        this.replaceButtons();
    }

    // The focused button stays focused where there is still one of its kind.
    replaceButtons() {
        const at = [...this.buttons.children].indexOf(document.activeElement);
        this.buttons.replaceChildren(...this.makeButtons());
        if (at >= 0)
            (this.buttons.children[at] ?? this.screen).focus();
    }

    setBusy(words) {
        this.busy = words;
        this.update(this.domain);
    }

    setPicture(blob) {
        if (this.url)
            URL.revokeObjectURL(this.url);
        this.url = blob ? URL.createObjectURL(blob) : null;
        this.image.hidden = !blob;
        if (blob) {
            this.image.src = this.url;
            this.image.alt = `Screen of ${this.domain.name}`;
        } else {
            this.image.removeAttribute("src");
            this.image.alt = "";
        }
    }

    async learn() {
        if (this.consoles || !isActive(this.domain.state))
            return;
        try {
            const {graphics, serial} = await api.info(this.host, this.domain.uuid);
            this.consoles = {graphics, serial};
            this.update(this.domain);
        } catch {
            // it is asked again with the next look at the host
        }
    }

    get picturable() {
        return this.visible && !document.hidden && !stopped && !this.element.hidden &&
            isActive(this.domain.state) && this.consoles?.graphics.length > 0;
    }

    async takePicture() {
        this.pictureAt = Date.now();
        try {
            const blob = await api.picture(this.host, this.domain.uuid);
            if (isActive(this.domain.state))
                this.setPicture(blob);
        } catch {
            this.setPicture(null);
            this.blank.textContent = "No picture";
        }
    }

    remove() {
        this.setPicture(null);
        seen.unobserve(this.element);
        this.element.remove();
    }
}

const seen = new IntersectionObserver(entries => {
    for (const entry of entries)
        entry.target.card.visible = entry.isIntersecting;
}, {rootMargin: "100px"});

// -- hosts -----------------------------------------------------------------------

function makeHost(name) {
    const made = {name, state: "connecting", cards: new Map(), loaded: false};
    made.pill = element("span", {class: "pill"});
    made.address = element("span", {class: "address"});
    made.grid = element("div", {class: "grid"});
    made.empty = element("p", {class: "empty", hidden: true});
    made.section = element("section", {class: "host", "aria-label": `Host ${name}`},
        element("div", {class: "row head"}, element("h2", null, name), made.pill, made.address),
        made.empty, made.grid);
    hosts.set(name, made);
    main.append(made.section);
    return made;
}

function showHost(host) {
    const running = [...host.cards.values()].filter(c => isActive(c.domain.state)).length;
    const shown = [...host.cards.values()].filter(c => !c.element.hidden).length;
    host.section.dataset.state = host.state;
    host.pill.textContent = host.state === "open"
        ? (host.loaded ? `${running} of ${host.cards.size} running` : "connected")
        : host.state === "away" ? "away" : "connecting";
    host.address.textContent = host.where ?? "";
    let empty = "";
    if (host.state === "away")
        empty = `${host.reason ?? "It cannot be reached"} – it is tried again by itself.`;
    else if (host.state !== "open")
        empty = "Connecting …";
    else if (host.error)
        empty = host.error;
    else if (host.loaded && host.cards.size === 0)
        empty = "There are no guests on this host, or none that you may see.";
    host.empty.textContent = empty;
    host.empty.hidden = !empty;
    host.section.hidden = Boolean(wanted) && shown === 0 && !empty;
}

function matches(card) {
    const text = `${card.domain.name} ${card.host} ${stateWord(card.domain.state)} ` +
        (card.domain.title ?? "");
    return wanted.toLowerCase().split(/\s+/).every(word => text.toLowerCase().includes(word));
}

function takeDomains(host, list) {
    const left = new Set(host.cards.keys());
    for (const domain of list) {
        let card = host.cards.get(domain.uuid);
        left.delete(domain.uuid);
        if (card) {
            card.update(domain);
        } else {
            card = new Card(host.name, domain);
            host.cards.set(domain.uuid, card);
            seen.observe(card.element);
        }
        card.element.hidden = !matches(card);
    }
    for (const uuid of left) {
        host.cards.get(uuid).remove();
        host.cards.delete(uuid);
    }
    const order = list.map(domain => host.cards.get(domain.uuid).element);
    order.forEach((one, i) => {
        if (host.grid.children[i] !== one)
            host.grid.insertBefore(one, host.grid.children[i] ?? null);
    });
    host.loaded = true;
}

export async function refreshHost(name) {
    const host = hosts.get(name);
    if (!host || host.state !== "open")
        return;
    try {
        takeDomains(host, await api.domains(name));
        host.error = null;
    } catch (error) {
        host.error = error.message;
    }
    showHost(host);
    summarize();
    for (const card of host.cards.values())
        card.learn();
}

function summarize() {
    const cards = [...hosts.values()].flatMap(host => [...host.cards.values()]);
    const running = cards.filter(card => isActive(card.domain.state)).length;
    const away = [...hosts.values()].filter(host => host.state === "away").length;
    const text = `${running} of ${cards.length} guests running` +
        (hosts.size > 1 ? ` on ${hosts.size} hosts` : "") +
        (away ? `, ${away} host${away === 1 ? "" : "s"} away` : "");
    const summary = document.getElementById("summary");
    if (summary.textContent !== text)
        summary.textContent = text;
}

let gone = false;

async function refresh() {
    let answer;
    try {
        answer = await api.hosts();
    } catch (error) {
        document.body.classList.add("gone");
        document.getElementById("summary").textContent = error.message;
        if (!gone)
            note(error.message, "error");
        gone = true;
        return;
    }
    gone = false;
    document.body.classList.remove("gone");
    for (const told of answer.hosts) {
        const host = hosts.get(told.name) ?? makeHost(told.name);
        host.state = told.state;
        host.reason = told.reason;
        host.where = told.address;
        if (told.state !== "open") {
            takeDomains(host, []);
            host.loaded = false;
        }
        showHost(host);
    }
    await Promise.all([...hosts.keys()].map(refreshHost));
    summarize();
}

// -- clocks ----------------------------------------------------------------------

async function keepFresh() {
    if (!document.hidden)
        await refresh();
    setTimeout(keepFresh, FRESH_MS);
}

// One picture at a time of each host, the one that is oldest.
async function keepPictures(host) {
    const due = [...host.cards.values()].filter(card => card.picturable &&
        Date.now() - card.pictureAt > PICTURE_MS).sort((a, b) => a.pictureAt - b.pictureAt);
    if (due.length)
        await due[0].takePicture();
}

async function keepAllPictures() {
    for (const host of hosts.values()) {
        if (host.taking || host.state !== "open")
            continue;
        host.taking = true;
        keepPictures(host).finally(() => { host.taking = false; });
    }
    setTimeout(keepAllPictures, 200);
}

// -- the keyboard ----------------------------------------------------------------

const screens = () => [...document.querySelectorAll(".card:not([hidden]) .screen")];

// The next one in that direction by where it stands.
function neighbour(from, key) {
    const box = from.getBoundingClientRect();
    const all = screens();
    const at = all.indexOf(from);
    if (key === "ArrowLeft")
        return all[at - 1];
    if (key === "ArrowRight")
        return all[at + 1];
    const sign = key === "ArrowDown" ? 1 : -1;
    return all.filter(one => sign * (one.getBoundingClientRect().top - box.top) > 4)
        .map(one => {
            const there = one.getBoundingClientRect();
            return {one, far: Math.abs(there.top - box.top) * 10 + Math.abs(there.left - box.left)};
        }).sort((a, b) => a.far - b.far)[0]?.one;
}

export function moveFocus(event) {
    const at = document.activeElement;
    if (!event.key.startsWith("Arrow") || !at?.classList.contains("screen"))
        return false;
    const next = neighbour(at, event.key);
    next?.focus();
    next?.scrollIntoView({block: "nearest"});
    return Boolean(next);
}

export function setFilter(text) {
    wanted = text.trim();
    for (const host of hosts.values()) {
        for (const card of host.cards.values())
            card.element.hidden = !matches(card);
        showHost(host);
    }
    document.body.classList.toggle("nothing",
        Boolean(wanted) && !document.querySelector(".card:not([hidden])"));
}

export function show(shown) {
    stopped = !shown;
}

export function begin() {
    document.addEventListener("visibilitychange", () => document.hidden || refresh());
    keepFresh();
    keepAllPictures();
}
