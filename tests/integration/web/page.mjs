// Drives the page of `virtmux web` in headless Chromium, as a person would: called by
// test_web.py with {url, folder, chromium} as JSON; prints {done: […]}. Pictures of
// what it saw are left in the folder.

import {createRequire} from "node:module";
import {join} from "node:path";

const settings = JSON.parse(process.argv[2]);
const {chromium} = createRequire(join(settings.modules, "package.json"))("playwright-core");
const done = [];
const complaints = [];

function check(condition, words) {
    if (!condition)
        throw new Error(words);
}

async function until(condition, words, ms = 40000) {
    const end = Date.now() + ms;
    for (;;) {
        const value = await condition();
        if (value)
            return value;
        if (Date.now() > end)
            throw new Error(`not within ${ms} ms: ${words}`);
        await new Promise(resolve => setTimeout(resolve, 50));
    }
}

const browser = await chromium.launch({executablePath: settings.chromium, headless: true,
    chromiumSandbox: false, args: ["--disable-gpu"]});

async function open(scheme, width, height, state) {
    const context = await browser.newContext({colorScheme: scheme, storageState: state,
        viewport: {width, height}});
    const page = await context.newPage();
    page.setDefaultTimeout(40000);
    page.on("console", message => {
        // what a host refuses is told so, too; and it is this test that reads the canvas
        const {url} = message.location();
        if (["error", "warning"].includes(message.type()) &&
            !message.text().includes("willReadFrequently") &&
            !(message.text().startsWith("Failed to load") && url.includes("/api/")))
            complaints.push(`${message.text()} ${url}`);
    });
    page.on("pageerror", error => complaints.push(error.message));
    page.on("request", request => {
        if (!/^(blob:)?(http|ws):\/\/127\.0\.0\.1:/.test(request.url()) &&
            !request.url().startsWith("data:"))
            complaints.push(`asked elsewhere: ${request.url()}`);
    });
    return page;
}

const shot = (page, name) => page.screenshot({path: join(settings.folder, `${name}.png`)});
const card = (page, name) => page.locator(".card", {has: page.locator("h3", {hasText: name})});
const terminalText = page => page.locator(".xterm-rows").evaluate(
    rows => [...rows.children].map(row => row.textContent).join("\n"));

// The canvas of noVNC, as text "WIDTHxHEIGHT" and one number of its pixels.
const screenOf = page => page.locator(".stage canvas").evaluate(async canvas => {
    const {data} = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    const opaque = data.map((value, i) => i % 4 === 3 ? 255 : value);
    const hash = await crypto.subtle.digest("SHA-256", opaque);
    return `${canvas.width}x${canvas.height} ` + [...new Uint8Array(hash)].join(".");
});

// The same of the host's screenshot, through the page's own route.
const pictureOf = page => page.evaluate(async () => {
    const [, host, uuid] = location.hash.split("/");
    const answer = await fetch(`/api/hosts/${host}/domains/${uuid}/screenshot`);
    const bitmap = await createImageBitmap(await answer.blob());
    const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
    const context = canvas.getContext("2d");
    context.drawImage(bitmap, 0, 0);
    const {data} = context.getImageData(0, 0, bitmap.width, bitmap.height);
    const hash = await crypto.subtle.digest("SHA-256", data);
    return `${bitmap.width}x${bitmap.height} ` + [...new Uint8Array(hash)].join(".");
});

async function list(page) {
    await page.goto(settings.url);
    await card(page, "web-1").waitFor();
    check(!page.url().includes("token"), "the token stays in the address");
    await card(page, "web-1").locator(".state", {hasText: "Running"}).waitFor();
    await card(page, "web-2").locator(".state", {hasText: "Off"}).waitFor();
    await page.locator(".host", {hasText: "away"}).getByText("Connection refused").waitFor();
    await card(page, "web-1").locator("img:not([hidden])").waitFor();
    await until(() => card(page, "web-1").locator("img").evaluate(
        image => image.naturalWidth > 600), "the picture of web-1");
    await shot(page, "list-light");
    done.push("list");
}

async function start(page) {
    await card(page, "web-2").getByRole("button", {name: "Start"}).click();
    await card(page, "web-2").locator(".state", {hasText: "Running"}).waitFor();
    await card(page, "web-2").getByRole("button", {name: "Power off"}).click();
    await shot(page, "ask-light");
    await page.keyboard.press("Escape");
    check(await card(page, "web-2").locator(".state").textContent() === "Running",
        "Esc in the question has powered it off");
    await card(page, "web-2").getByRole("button", {name: "Power off"}).click();
    await page.locator("#ask-yes").click();
    await card(page, "web-2").locator(".state", {hasText: "Off"}).waitFor();
    done.push("start");
}

async function terminal(page) {
    await page.locator("body").press("/");
    await page.keyboard.type("web-1");
    await card(page, "web-2").waitFor({state: "hidden"});
    await page.keyboard.press("Enter");
    await page.keyboard.press("t");
    await page.locator(".xterm-rows").waitFor();
    await page.locator(".status", {hasText: "Connected"}).waitFor();
    await page.keyboard.press("Enter");
    await until(async () => /login: |# /.test(await terminalText(page)), "a prompt");
    if (!/# /.test(await terminalText(page))) {
        await page.keyboard.type("root\n");
        await until(async () => /# /.test(await terminalText(page)), "the shell");
    }
    await page.keyboard.type("echo fruit $((6 * 7))\n");
    await until(async () => /^fruit 42/m.test(await terminalText(page)), "the echo");
    await shot(page, "terminal-light");
    await page.keyboard.press("Control+Alt+Shift+KeyQ");
    await page.keyboard.press("Escape");
    await card(page, "web-1").waitFor();
    done.push("terminal");
}

async function display(page) {
    await page.locator("#filter").fill("");
    await card(page, "web-1").locator(".screen").focus();
    await page.keyboard.press("Enter");
    await page.locator(".stage canvas").waitFor();
    await page.locator(".status", {hasText: "Connected"}).waitFor();
    await until(async () => await screenOf(page) === await pictureOf(page),
        "the display is what the host's screenshot shows");
    // no capitals: the driver does not press Shift for them
    for (const line of ["root\n", "echo pears and plums\n"]) {
        const before = await screenOf(page);
        await page.keyboard.type(line, {delay: 20});
        await until(async () => {
            const now = await screenOf(page);
            return now !== before && now === await pictureOf(page);
        }, `${line.trim()} is on the screen, and on the host's screenshot`);
    }
    await shot(page, "display-light");
    done.push("display");
}

// The same in other clothes: for eyes, and for what the policy forbids.
async function clothes(page) {
    const state = await page.context().storageState();
    for (const [scheme, width, height] of [["dark", 1280, 800], ["light", 390, 780],
        ["dark", 390, 780]]) {
        const other = await open(scheme, width, height, state);
        const name = width < 600 ? `narrow-${scheme}` : scheme;
        await other.goto(new URL(settings.url).origin);
        await card(other, "web-1").locator("img:not([hidden])").waitFor();
        check(await other.evaluate(() => document.documentElement.scrollWidth <= innerWidth),
            `the list is wider than the window (${name})`);
        await shot(other, `list-${name}`);
        await card(other, "web-1").getByRole("link", {name: "Display"}).click();
        await other.locator(".status", {hasText: "Connected"}).waitFor();
        await shot(other, `display-${name}`);
        await other.context().close();
    }
    done.push("clothes");
}

// One line, two pages: the second is told, and may take it over.
async function busy(page) {
    const state = await page.context().storageState();
    const first = await open("dark", 900, 600, state);
    await first.goto(settings.url.replace(/\?.*/, "") + settings.serial);
    await first.locator(".status", {hasText: "Connected"}).waitFor();
    const second = await open("dark", 900, 600, state);
    await second.goto(settings.url.replace(/\?.*/, "") + settings.serial);
    await second.getByRole("heading", {name: "Somebody else has it"}).waitFor();
    await shot(second, "busy-dark");
    await second.getByRole("button", {name: "Take over"}).click();
    await second.locator(".status", {hasText: "Connected"}).waitFor();
    await second.keyboard.press("Enter");
    await until(async () => /# /.test(await terminalText(second)), "the shell, taken over");
    await shot(second, "terminal-dark");
    await first.context().close();
    await second.context().close();
    done.push("busy");
}

try {
    const page = await open("light", 1280, 800);
    await list(page);
    await start(page);
    await terminal(page);
    await display(page);
    await clothes(page);
    await busy(page);
    check(complaints.length === 0, `the browser complains: ${complaints.join("\n")}`);
    console.log(JSON.stringify({done}));
} catch (error) {
    for (const context of browser.contexts())
        for (const page of context.pages())
            await shot(page, `failed-${context.pages().indexOf(page)}`).catch(() => {});
    console.error(`after ${done.join(", ")}: ${error.stack}\n${complaints.join("\n")}`);
    process.exitCode = 1;
} finally {
    await browser.close();
}
