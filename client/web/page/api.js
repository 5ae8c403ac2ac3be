// What the page asks of `virtmux web` (doc/WEB.md has the routes), and small helps
// for making elements: text goes in as text, never as HTML.

export class ApiError extends Error {
    constructor(name, message, status) {
        super(message);
        this.name = name;
        this.status = status;
    }
}

async function answer(response) {
    if (response.ok)
        return response;
    let error = null;
    try {
        error = (await response.json()).error;
    } catch {
        // what is no JSON is the gate's refusal
    }
    throw new ApiError(error?.name ?? "refused", error?.message ??
        "virtmux web does not know this browser any more: open the page anew with the " +
        "address that it prints", response.status);
}

async function request(path, options) {
    let response;
    try {
        response = await fetch(path, {credentials: "same-origin", ...options});
    } catch {
        throw new ApiError("gone", "virtmux web has ended, or cannot be reached", 0);
    }
    return answer(response);
}

const domainPath = (host, uuid) =>
    `/api/hosts/${encodeURIComponent(host)}/domains/${encodeURIComponent(uuid)}`;

const json = async path => (await request(path)).json();

export const hosts = () => json("/api/hosts");
export const domains = async host =>
    (await json(`/api/hosts/${encodeURIComponent(host)}/domains`)).domains;
export const info = (host, uuid) => json(domainPath(host, uuid));
export const act = async (host, uuid, action) =>
    (await request(`${domainPath(host, uuid)}/${action}`, {method: "POST"})).json();
export const picture = async (host, uuid, signal) =>
    (await request(`${domainPath(host, uuid)}/screenshot`, {signal})).blob();

export function consoleUrl(host, uuid, kind, n, query) {
    const url = new URL(`${domainPath(host, uuid)}/${kind}/${n}`, location.href);
    url.protocol = "ws:";
    for (const [name, value] of Object.entries(query ?? {}))
        url.searchParams.set(name, value);
    return url;
}

// element("button", {class: "x", onclick: f}, "text", child …)
export function element(tag, properties, ...children) {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(properties ?? {})) {
        if (value === undefined || value === null || value === false)
            continue;
        if (name.startsWith("on"))
            made.addEventListener(name.slice(2), value);
        else if (name === "hidden" || name === "disabled")
            made[name] = value;
        else
            made.setAttribute(name === "class" ? "class" : name, value === true ? "" : value);
    }
    made.append(...children.filter(child => child !== null && child !== undefined));
    return made;
}

// A message at the edge of the page, for a while; read aloud.
export function note(words, kind = "info") {
    const box = document.getElementById("notes");
    const line = element("div", {class: `note ${kind}`}, element("p", null, words),
        element("button", {class: "quiet", "aria-label": "Dismiss", onclick: () => line.remove()},
            "×"));
    box.append(line);
    while (box.children.length > 4)
        box.firstChild.remove();
    setTimeout(() => line.remove(), kind === "error" ? 20000 : 6000);
}

const sizes = ["B", "KiB", "MiB", "GiB", "TiB"];
export function size(bytes) {
    let i = 0;
    for (; bytes >= 1024 && i < sizes.length - 1; i++)
        bytes /= 1024;
    return `${bytes >= 10 || Number.isInteger(bytes) ? Math.round(bytes) : bytes.toFixed(1)} ${sizes[i]}`;
}

// A yes or no, asked in a dialog.
export function ask(title, words, yes) {
    const dialog = document.getElementById("ask");
    document.getElementById("ask-title").textContent = title;
    document.getElementById("ask-words").textContent = words;
    document.getElementById("ask-yes").textContent = yes;
    dialog.returnValue = "no";
    dialog.showModal();
    return new Promise(resolve => dialog.addEventListener("close",
        () => resolve(dialog.returnValue === "yes"), {once: true}));
}
