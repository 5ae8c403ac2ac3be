// A console's bytes over a WebSocket (doc/WEB.md): binary messages are the console's;
// text messages are JSON: {"type":"open"}, {"type":"end"} from the server, {"taken":N}
// from here, which is what lets more come. A Stream has the form of a WebSocket, as
// noVNC's "raw channel" wants it; what comes before its onmessage is set waits.

const PIECE = 16384;            // bytes of one message to the server
const BEHIND = 256 * 1024;      // bytes that may wait in the browser to be sent
const TELL = 32 * 1024;         // bytes between two words of what was taken

export class Stream {
    // events: onopened(facts), onended({error, message} or {})
    constructor(url, events) {
        this.events = events;
        this.binaryType = "arraybuffer";
        this.protocol = "";
        this.onopen = this.onerror = this.onclose = null;
        this.handler = null;
        this.early = [];
        this.waiting = [];      // to be sent
        this.took = 0;          // bytes, all in all
        this.told = 0;
        this.ended = false;
        this.facts = null;
        this.socket = new WebSocket(url);
        this.socket.binaryType = "arraybuffer";
        this.socket.onmessage = event => this.receive(event.data);
        this.socket.onclose = () => this.end({
            error: "gone", message: "the connection to virtmux web was lost"});
    }

    get readyState() {
        return this.ended ? WebSocket.CLOSED
            : this.facts ? WebSocket.OPEN : WebSocket.CONNECTING;
    }

    get onmessage() {
        return this.handler;
    }

    set onmessage(handler) {
        this.handler = handler;
        for (const data of handler ? this.early.splice(0) : [])
            handler({data});
    }

    receive(data) {
        if (typeof data === "string") {
            const words = JSON.parse(data);
            if (words.type === "open") {
                this.facts = words;
                this.events.onopened(words);
            } else if (words.type === "end") {
                this.end(words);
            }
        } else if (this.handler) {
            this.handler({data});
        } else {
            this.early.push(data);
        }
    }

    // N bytes were shown: as many more may come.
    taken(n) {
        this.took += n;
        if (this.took - this.told < TELL || this.socket.readyState !== WebSocket.OPEN)
            return;
        this.told = this.took;
        this.socket.send(JSON.stringify({taken: this.took}));
    }

    send(data) {
        const bytes = data instanceof Uint8Array ? data : new Uint8Array(data);
        for (let at = 0; at < bytes.length; at += PIECE)
            this.waiting.push(bytes.slice(at, at + PIECE));
        this.flush();
    }

    // A long paste leaves in turn with what the guest takes.
    flush() {
        clearTimeout(this.later);
        while (this.waiting.length && this.socket.readyState === WebSocket.OPEN &&
               this.socket.bufferedAmount < BEHIND)
            this.socket.send(this.waiting.shift());
        if (this.waiting.length && !this.ended)
            this.later = setTimeout(() => this.flush(), 20);
    }

    end(words) {
        if (this.ended)
            return;
        this.ended = true;
        this.socket.onclose = null;
        this.socket.close();
        this.onclose?.({code: 1000, reason: "", wasClean: true});
        this.events.onended(words);
    }

    close() {
        this.events = {onopened() {}, onended() {}};
        this.end({});
    }
}
