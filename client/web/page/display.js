// A display by noVNC. The VNC server is reached through the host's channel, which has
// asked for no password; its bytes come by a Stream.

import RFB from "./lib/novnc/core/rfb.js";
import {element} from "./api.js";
import {Stream} from "./stream.js";

export class Display {
    constructor(console) {
        this.console = console;
        this.fit = true;
        this.watch = false;
        this.rfb = null;
    }

    connect(url) {
        const stream = new Stream(url({}), {
            onopened: facts => this.open(stream, facts),
            onended: why => this.end(why),
        });
        this.stream = stream;
    }

    open(stream, facts) {
        this.facts = facts;
        if (facts.console === "spice") {
            this.disconnect();
            this.console.ended({error: "unsupported", message: "This display is SPICE, which a " +
                "browser does not show: \"virtmux view\" opens it in a viewer"});
            return;
        }
        const target = this.console.stage;
        target.replaceChildren();
        this.rfb = new RFB(target, stream, {shared: true});
        // Each message is worked off before the next is asked for.
        const handle = stream.onmessage;
        stream.onmessage = event => {
            handle(event);
            stream.taken(event.data.byteLength);
        };
        this.rfb.scaleViewport = this.fit;
        this.rfb.viewOnly = this.watch;
        this.rfb.focusOnClick = true;
        this.rfb.background = "transparent";
        this.rfb.addEventListener("connect", () => {
            this.console.opened(this.facts);
            target.querySelector("canvas")?.setAttribute("aria-label", "The guest's screen");
        });
        this.rfb.addEventListener("disconnect", event => {
            if (!event.detail.clean)
                this.stream.end({error: "failed", message: "the display sent what noVNC does " +
                    "not understand"});
        });
        this.rfb.addEventListener("credentialsrequired", () => this.stream.end({
            error: "denied", message: "the display asks for a password, which virtmux does not " +
                "have: set it to none, since the channel protects it"}));
    }

    end(why) {
        this.drop();
        this.console.ended(why);
    }

    drop() {
        const rfb = this.rfb;
        this.rfb = null;
        try {
            rfb?.disconnect();
        } catch {
            // it has ended already
        }
    }

    disconnect() {
        this.stream?.close();
        this.stream = null;
        this.drop();
    }

    toggle(label, pressed, run) {
        return element("button", {"aria-pressed": String(pressed), onclick: event => {
            const on = event.currentTarget.getAttribute("aria-pressed") !== "true";
            event.currentTarget.setAttribute("aria-pressed", String(on));
            run(on);
            this.focus();
        }}, label);
    }

    tools() {
        return [
            element("button", {onclick: () => { this.rfb?.sendCtrlAltDel(); this.focus(); }},
                "Ctrl-Alt-Del"),
            this.toggle("Fit", this.fit, on => {
                this.fit = on;
                if (this.rfb)
                    this.rfb.scaleViewport = on;
            }),
            this.toggle("View only", this.watch, on => {
                this.watch = on;
                if (this.rfb)
                    this.rfb.viewOnly = on;
            }),
        ];
    }

    focus() {
        this.rfb?.focus();
    }

    release() {
        this.rfb?.blur();
    }

    close() {
        this.disconnect();
    }
}
