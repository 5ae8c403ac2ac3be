// The page: which view the address names, and the keys that hold everywhere.

import {Console} from "./console.js";
import * as list from "./list.js";

const main = document.getElementById("main");
const bar = document.getElementById("bar");
const filter = document.getElementById("filter");
const root = document.getElementById("console");
let open = null;
let from = null;                // what had the focus among the guests

// "#/HOST/UUID/graphics/0"
function route() {
    const [host, uuid, kind, n] = location.hash.slice(2).split("/");
    const wanted = (kind === "graphics" || kind === "serial") && /^\d{1,3}$/.test(n ?? "");
    if (!open)
        from = document.activeElement;
    open?.close();
    open = null;
    list.show(!wanted);
    main.hidden = bar.hidden = wanted;
    if (wanted)
        open = new Console(root, decodeURIComponent(host), uuid, kind, Number(n));
    else if (from?.isConnected)
        from.focus();
}

function key(event) {
    const typing = event.target.matches("input, textarea, dialog *") || open;
    if (event.ctrlKey || event.altKey || event.metaKey || open)
        return;
    if (event.key === "Escape" && event.target === filter) {
        filter.value = "";
        list.setFilter("");
        main.querySelector(".screen")?.focus();
    } else if ((event.key === "ArrowDown" || event.key === "Enter") && event.target === filter) {
        main.querySelector(".card:not([hidden]) .screen")?.focus();
    } else if (event.key === "/" && !typing) {
        filter.focus();
    } else if (event.key === "?" && !typing) {
        document.getElementById("keys").showModal();
    } else if (!list.moveFocus(event)) {
        return;
    }
    event.preventDefault();
}

document.getElementById("help").addEventListener("click",
    () => document.getElementById("keys").showModal());
filter.addEventListener("input", () => list.setFilter(filter.value));
addEventListener("hashchange", route);
document.addEventListener("keydown", key);
list.begin();
route();
