// A serial line by xterm.js. It knows how many bytes came and went on this run of the
// line, so that after a cut the host goes on behind the last byte, and what was typed
// and not taken is sent once more: nothing is lost or doubled.

import "./styles.js";
import {Terminal} from "./lib/xterm/xterm.mjs";
import {FitAddon} from "./lib/xterm/addon-fit.mjs";
import {Stream} from "./stream.js";

const KEPT = 64 * 1024;         // bytes that were sent and may be wanted again
const SCROLLBACK = 5000;        // lines

const themes = {
    dark: {background: "#0d1117", foreground: "#d7dee7", cursor: "#6ea8fe",
        selectionBackground: "#2f4a75"},
    light: {background: "#fbfcfe", foreground: "#1c2530", cursor: "#2159c4",
        selectionBackground: "#c9dcff", black: "#1c2530", red: "#b3261e", green: "#1b7a37",
        yellow: "#8a5a00", blue: "#2159c4", magenta: "#8e3ba8", cyan: "#0f7285",
        white: "#5b6672", brightBlack: "#6b7683", brightRed: "#c5352c", brightGreen: "#238a43",
        brightYellow: "#9a6700", brightBlue: "#2f6bdc", brightMagenta: "#9d4ab7",
        brightCyan: "#128297", brightWhite: "#3a444f"},
};
const dark = matchMedia("(prefers-color-scheme: dark)");

const token = () => Array.from(crypto.getRandomValues(new Uint8Array(16)),
    byte => byte.toString(16).padStart(2, "0")).join("");

export class Line {
    constructor(console) {
        this.console = console;
        this.writer = token();
        this.plain = false;
        this.line = null;       // the run of the line
        this.offset = 0;        // of the byte that comes next
        this.sent = 0;          // bytes on this run, of this writer
        this.kept = new Uint8Array(0);
        this.make();
    }

    make() {
        this.terminal = new Terminal({
            cursorBlink: !matchMedia("(prefers-reduced-motion: reduce)").matches,
            fontFamily: "ui-monospace, 'SF Mono', Menlo, Consolas, 'DejaVu Sans Mono', monospace",
            fontSize: 14, scrollback: SCROLLBACK, allowProposedApi: false,
            theme: themes[dark.matches ? "dark" : "light"], minimumContrastRatio: 4.5,
        });
        this.fit = new FitAddon();
        this.terminal.loadAddon(this.fit);
        this.console.stage.replaceChildren();
        this.terminal.open(this.console.stage);
        const encoder = new TextEncoder();
        this.terminal.onData(text => this.type(encoder.encode(text)));
        this.terminal.onBinary(text => this.type(Uint8Array.from(text, c => c.charCodeAt(0))));
        this.sizes = new ResizeObserver(() => this.fit.fit());
        this.sizes.observe(this.console.stage);
        this.ontheme = () => {
            this.terminal.options.theme = themes[dark.matches ? "dark" : "light"];
        };
        dark.addEventListener("change", this.ontheme);
    }

    // A host that is older than this page knows no more than the line itself.
    connect(url) {
        const more = this.plain ? {} : {writer: this.writer};
        if (this.line)
            Object.assign(more, {line: this.line, after: String(this.offset)});
        const stream = new Stream(url(more), {
            onopened: facts => this.open(facts),
            onended: why => {
                this.stream = null;
                if (why.error === "invalid-params" && !this.plain) {
                    this.plain = true;
                    this.connect(url);
                } else {
                    this.console.ended(why);
                }
            },
        });
        this.stream = stream;
    }

    open(facts) {
        const stream = this.stream;
        if (facts.line !== this.line) {
            if (this.line)
                this.terminal.writeln("\r\n\x1b[2m── the guest was started again ──\x1b[0m");
            this.sent = 0;
            this.kept = new Uint8Array(0);
        }
        this.line = facts.line ?? null;
        this.offset = Number(facts.offset ?? 0);
        if (Number(facts.missed) > 0)
            this.terminal.writeln(`\r\n\x1b[2m── ${facts.missed} bytes are not kept any more ` +
                "──\x1b[0m");
        stream.onmessage = ({data}) => {
            this.offset += data.byteLength;
            this.terminal.write(new Uint8Array(data), () => stream.taken(data.byteLength));
        };
        this.repeat(facts);
        this.console.opened(facts);
    }

    // What was sent and has not arrived.
    repeat(facts) {
        if (facts.taken === undefined)
            return;
        const missing = this.sent - Number(facts.taken);
        if (missing > 0 && missing <= this.kept.length)
            this.stream.send(this.kept.slice(this.kept.length - missing));
    }

    type(bytes) {
        if (!this.stream?.facts || this.stream.facts.mode === "watch")
            return;
        this.sent += bytes.length;
        const all = new Uint8Array(this.kept.length + bytes.length);
        all.set(this.kept);
        all.set(bytes, this.kept.length);
        this.kept = all.slice(-KEPT);
        this.stream.send(bytes);
    }

    tools() {
        return [];
    }

    focus() {
        this.fit.fit();
        this.terminal.focus();
    }

    release() {
        this.terminal.blur();
    }

    disconnect() {
        this.stream?.close();
        this.stream = null;
    }

    close() {
        this.sizes.disconnect();
        dark.removeEventListener("change", this.ontheme);
        this.terminal.dispose();
    }
}
