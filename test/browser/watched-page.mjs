// A page of headless Chromium that keeps a record of everything that it asks for and complains of.
import { chromium } from "playwright-core";

const EXECUTABLE = process.env.CHROMIUM || "/usr/bin/chromium";
/** Keeps Chromium from looking for hosts of its own; root needs --no-sandbox. */
const ARGS = [
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    ...(process.getuid?.() === 0 ? ["--no-sandbox"] : []),
];

/** Starts the browser. */
export function launchBrowser() {
    return chromium.launch({ executablePath: EXECUTABLE, args: ARGS });
}

/** Opens a page in a context of its own. */
export async function openWatchedPage(browser, options = {}) {
    const context = await browser.newContext({
        viewport: { width: 1440, height: 900 },
        colorScheme: "light",
        locale: "en-GB",
        timezoneId: "Asia/Tokyo",
        ...options,
    });
    const complaints = [];
    const requests = [];
    context.on("request", (request) => requests.push(request));
    const page = await context.newPage();
    page.on("console", (message) => {
        if (["error", "warning"].includes(message.type())) complaints.push(message.text());
    });
    page.on("pageerror", (cause) => complaints.push(String(cause)));
    page.on("requestfailed", (request) => complaints.push(`${request.url()} failed`));
    await page.addInitScript(() => {
        document.addEventListener("securitypolicyviolation", (event) => {
            console.error(`CSP violation: ${event.violatedDirective} ${event.blockedURI}`);
        });
    });
    return { page, context, complaints, requests };
}

/** What a request shows to the outside: address, headers and body as one text. */
export async function textOfRequest(request) {
    const headers = Object.entries(await request.allHeaders()).flat();
    const body = request.postDataBuffer();
    return [
        request.method(),
        decodeURIComponent(request.url()),
        ...headers,
        body?.toString("latin1"),
    ]
        .filter((part) => part != null)
        .join("\n");
}

/** Whether the page is wider than its window. */
export function scrollsSideways(page) {
    return page.evaluate(
        () => document.documentElement.scrollWidth > document.documentElement.clientWidth,
    );
}

/** Number of colours in a column at the top of the chart: one where nothing is drawn, more where it is hatched. */
export function coloursInColumn(page, share) {
    return page.evaluate((at) => {
        const canvas = document.querySelector("[data-testid=chart] canvas");
        const over = document.querySelector("[data-testid=chart] .u-over");
        const ratio = window.devicePixelRatio;
        const frame = canvas.getBoundingClientRect();
        const plot = over.getBoundingClientRect();
        const x = Math.round((plot.left - frame.left + plot.width * at) * ratio);
        const y = Math.round((plot.top - frame.top + 6) * ratio);
        const { data } = canvas.getContext("2d").getImageData(x, y, 1, Math.round(30 * ratio));
        const colours = new Set();
        for (let i = 0; i < data.length; i += 4) colours.add(data.slice(i, i + 4).join());
        return colours.size;
    }, share);
}
