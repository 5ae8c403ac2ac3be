// xterm.js writes its rules into <style> elements and its colours into style
// attributes, which the page's policy forbids to whoever could inject some. Both are
// led to where scripts alone can write: constructed style sheets and element.style.

const create = document.createElement.bind(document);

class Sheet {
    constructor(style) {
        this.sheet = new CSSStyleSheet();
        this.text = "";
        document.adoptedStyleSheets.push(this.sheet);
        Object.defineProperty(style, "textContent", {
            get: () => this.text,
            set: text => {
                this.text = text;
                this.sheet.replaceSync(text);
            },
        });
        style.remove = () => {
            document.adoptedStyleSheets =
                document.adoptedStyleSheets.filter(sheet => sheet !== this.sheet);
            Element.prototype.remove.call(style);
        };
    }
}

// A <template> stands in its place: even an empty <style> would be refused.
document.createElement = (tag, options) => {
    if (tag.toLowerCase() !== "style")
        return create(tag, options);
    const made = create("template");
    new Sheet(made);
    return made;
};

const setAttribute = Element.prototype.setAttribute;
HTMLElement.prototype.setAttribute = function (name, value) {
    if (name === "style")
        this.style.cssText = value;
    else
        setAttribute.call(this, name, value);
};
