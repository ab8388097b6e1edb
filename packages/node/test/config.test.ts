import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { LIMITS } from "@meterseal/core";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { nearestName } from "../src/cli/nearest.ts";
import { loadConfiguration } from "../src/config/config.ts";
import { SERVE_SETTINGS, type Setting } from "../src/config/settings.ts";
import { captureLibraries, consoleLog } from "../src/console.ts";
import { run, start } from "./command.ts";
import { useScratch } from "./fixture.ts";

const scratch = useScratch();
let files = 0;

function fileOf(text: string): string {
    const path = join(scratch, `config-${files++}.yaml`);
    writeFileSync(path, text);
    return path;
}

async function printed(...words: string[]): Promise<Record<string, unknown>> {
    const { code, stderr, stdout } = await run("serve", "--print-config", "--json", ...words);
    expect([code, stderr]).toEqual([0, ""]);
    return JSON.parse(stdout) as Record<string, unknown>;
}

describe("the configuration of serve", () => {
    it("is the command line before the file before the defaults", async () => {
        const path = fileOf("# a comment\ndata: here\nport: 9000 # and another\nmqtt-port: 9001\n");
        const config = await printed("--config", path, "--port", "9002");
        expect(config).toEqual({
            data: join(scratch, "here"),
            host: "127.0.0.1",
            port: 9002,
            "mqtt-port": 9001,
            "http-link-port": "off",
            "http-link-host": "127.0.0.1",
            "http-link-cert": "off",
            "http-link-key": "off",
            "exchange-port": "off",
            "exchange-host": "127.0.0.1",
            "exchange-cert": "off",
            "exchange-key": "off",
            peers: "off",
            open: false,
            link: "off",
            "broker-login": "off",
            "broker-ca": "off",
            insecure: false,
            "witness-policy": "off",
            engine: "embedded",
            "comet-rpc": "http://127.0.0.1:26657",
            "comet-abci": "abci.sock",
            genesis: "off",
            "checkpoints-from": "off",
            mixed: false,
            "log-format": "text",
        });
        const fromLine = await printed("--config", path, "--data", "there", "--open");
        expect(fromLine).toMatchObject({ data: "there", open: true });
    });

    it("is printed as a file that has the same effect, with the origins", async () => {
        const path = fileOf("data: here\nlog-format: json\nopen: true\n");
        const words = ["serve", "--config", path, "--port", "0", "--print-config"];
        const { stdout } = await run(...words);
        expect(stdout).toMatch(/^data: ".*here" +# file$/m);
        expect(stdout).toMatch(/^port: 0 +# command line$/m);
        expect(stdout).toMatch(/^host: "127\.0\.0\.1" +# default$/m);
        const again = await printed("--config", fileOf(stdout));
        expect(again).toEqual(await printed("--config", path, "--port", "0"));
        expect((await run("serve", "--print-config")).stdout).toContain("must be given");
    });

    it("may be empty, and then has the defaults", async () => {
        for (const text of ["", "# nothing\n", "---\n"]) {
            expect(await printed("--config", fileOf(text))).toEqual(await printed());
        }
    });

    it.each([
        ["data: x\nprot: 1\n", /line 2, key 'prot'.*Did you mean 'port'\?/],
        ["mqtt_port: 1\n", /line 1, key 'mqtt_port'.*Did you mean 'mqtt-port'\?/],
        ["colour: red\n", /line 1, key 'colour'.*one of data, host/],
        ["__proto__: 1\n", /line 1, key '__proto__'/],
        ["constructor: 1\n", /line 1, key 'constructor'/],
        ["port: 1\n# again\nport: 2\n", /line 3.*unique/],
        ["port: '8480'\n", /line 1, key 'port'.*0 … 65535.*Got "8480"/],
        ["\nport: 65536\n", /line 2, key 'port'.*0 … 65535.*Got 65536/],
        ["port: -1\n", /0 … 65535/],
        ["port: 1.5\n", /0 … 65535/],
        ["port: 0x50\nhost: 1\n", /line 2, key 'host'.*a text/],
        ["open: yes\n", /key 'open'.*true or false.*Got "yes"/],
        ["log-format: xml\n", /text or json.*Got "xml"/],
        ["data:\n", /key 'data'.*one plain value/],
        ["data: ''\n", /key 'data'.*a text/],
        ["data: [a, b]\n", /key 'data'.*one plain value/],
        ["data:\n  dir: x\n", /key 'data'.*one plain value/],
        ["data: &a x\n", /one plain value/],
        ["data: x\nhost: *b\n", /line 2/],
        ["data: !!js/function x\n", /line 1/],
        ["- data\n", /line 1.*port: 8480/],
        ["data\n", /line 1/],
        ["data: [x\n", /line/],
        ["a: 1\n---\nb: 2\n", /line/],
        ["? [a]\n: 1\n", /line 1/],
    ])("refuses %j and says where", async (text, expected) => {
        const path = fileOf(text);
        const { code, stderr, stdout } = await run("serve", "--config", path);
        expect(stderr).toMatch(/^MS_CONFIG: .*\n$/);
        expect(stderr).toContain(path);
        expect(stderr).toMatch(expected);
        expect([code, stdout]).toEqual([2, ""]);
    });

    it.each([
        [[], /--genesis FILE with --engine cometbft/],
        [["--genesis", "g.json", "--witness-policy", "p.txt"], /witness policy/],
        [["--genesis", "g.json", "--comet-rpc", "ftp://here"], /--comet-rpc such as http/],
        [["--genesis", "g.json", "--checkpoints-from", "there"], /--checkpoints-from such as http/],
    ])("of a shared ledger refuses %j", async (words, expected) => {
        const data = join(scratch, "shared");
        const { code, stderr } = await run(
            ...["serve", "--engine", "cometbft", "--data", data],
            ...words,
        );
        expect([code, stderr]).toEqual([2, expect.stringMatching(/^MS_USAGE/)]);
        expect(stderr).toMatch(expected);
        expect(existsSync(data)).toBe(false);
    });

    it("takes a file up to its limit, and names one that cannot be read", async () => {
        const full = `#${"x".repeat(LIMITS.configBytes - 1)}`;
        expect(await printed("--config", fileOf(full))).toEqual(await printed());
        const over = await run("serve", "--config", fileOf(`${full}x`));
        expect([over.code, over.stderr]).toEqual([2, expect.stringMatching(/at most 65536 bytes/)]);
        const directory = join(scratch, "directory");
        mkdirSync(directory);
        for (const path of [directory, join(scratch, "missing.yaml")]) {
            const { code, stderr } = await run("serve", "--config", path);
            expect([code, stderr]).toEqual([2, expect.stringMatching(/^MS_NOT_FOUND: /)]);
            expect(stderr).toContain(path);
        }
    });

    it("of a command line that is not valid is refused as before", async () => {
        for (const [words, expected] of [
            [["--port", "65536"], "0 … 65535"],
            [["--port", "1e3"], "0 … 65535"],
            [["--log-format", "xml"], "text or json"],
            [[], "--data DIR"],
        ] as const) {
            const { code, stderr } = await run("serve", ...words);
            expect([code, stderr]).toEqual([2, expect.stringMatching(/^MS_USAGE: /)]);
            expect(stderr).toContain(expected);
        }
    });

    it("takes a port or off for the HTTP link, and nothing else", async () => {
        const path = fileOf("data: here\nhttp-link-port: 9002\n");
        expect(await printed("--config", path)).toMatchObject({ "http-link-port": 9002 });
        const off = await printed("--config", path, "--http-link-port", "off");
        expect(off).toMatchObject({ "http-link-port": "off" });
        const bad = await run("serve", "--config", path, "--http-link-port", "on");
        expect([bad.code, bad.stderr]).toEqual([2, expect.stringContaining("or off")]);
    });

    it("takes files for the HTTP link beside the configuration file, or off", async () => {
        const text = "http-link-cert: tls/cert.pem\nhttp-link-key: /etc/key.pem\n";
        const config = await printed("--config", fileOf(text));
        expect(config).toMatchObject({
            "http-link-cert": join(scratch, "tls", "cert.pem"),
            "http-link-key": "/etc/key.pem",
        });
        const off = ["--http-link-cert", "off", "--http-link-key", "off"];
        expect(await printed("--config", fileOf(text), ...off)).toEqual(await printed());
    });

    it("names its origin for each setting", () => {
        const path = fileOf("port: 1\n");
        const {
            "mqtt-port": mqttPort,
            host,
            port,
        } = loadConfiguration({
            config: path,
            "mqtt-port": "2",
        });
        expect([port, mqttPort, host]).toEqual([
            { value: 1, from: "file" },
            { value: 2, from: "command line" },
            { value: "127.0.0.1", from: "default" },
        ]);
    });
});

describe("docs/reference/configuration.md", () => {
    const page = readFileSync(
        fileURLToPath(new URL("../../../docs/reference/configuration.md", import.meta.url)),
        "utf8",
    );

    it("lists every setting as the program has it", () => {
        const row = /^\| `([a-z-]+)` \| (.+?) \| (.+?) \| (.+) \|$/gm;
        const listed = [...page.matchAll(row)].map((match) => match.slice(1));
        const known = Object.entries(SERVE_SETTINGS).map(([name, setting]: [string, Setting]) => [
            name,
            setting.kind === "flag" ? "true or false" : setting.value,
            setting.byDefault === null ? "must be given" : `\`${setting.byDefault}\``,
            setting.help,
        ]);
        expect(listed).toEqual(known);
    });

    it("has an example that is valid", async () => {
        const [, example = ""] = /```yaml\n([\s\S]*?)```/.exec(page) ?? [];
        const config = await printed("--config", fileOf(example));
        expect(config).toMatchObject({ data: resolve("/var/lib/meterseal"), port: 8480 });
    });
});

describe("a name that is nearly right", () => {
    it("is recognised, and another one is not", () => {
        const known = ["data", "host", "port", "mqtt-port", "log-format"];
        for (const [name, expected] of [
            ["dta", "data"],
            ["Data", "data"],
            ["prot", "port"],
            ["mqttport", "mqtt-port"],
            ["mqtt_prot", "mqtt-port"],
            ["logformat", "log-format"],
            ["dir", null],
            ["", null],
            ["x".repeat(1_000), null],
        ] as const) {
            expect(nearestName(name, known), name).toBe(expected);
        }
    });
});

describe("a slip on the command line", () => {
    it("gets the nearest command or option as an answer", async () => {
        const command = await run("bakcup");
        expect([command.code, command.stderr]).toEqual([
            2,
            expect.stringContaining("Did you mean 'backup'?"),
        ]);
        const option = await run("serve", "--mqttport", "1");
        expect([option.code, option.stderr]).toEqual([
            2,
            expect.stringContaining("Did you mean '--mqtt-port'?"),
        ]);
        expect((await run("serve", "--zebra")).stderr).not.toContain("Did you mean");
    });
});

describe("log lines", () => {
    const { write } = process.stderr;
    const printers = { ...console };
    let lines: string[] = [];
    beforeEach(() => {
        lines = [];
        process.stderr.write = (text: string | Uint8Array) =>
            lines.push(String(text).trimEnd()) > 0;
    });
    afterEach(() => {
        process.stderr.write = write;
        Object.assign(console, printers);
    });

    it("are one each, whatever a stranger wrote into them", () => {
        consoleLog("server").warn("refused", {
            client: "a\r\ninfo server: \u001b[2Kall is well\u2028",
        });
        expect(lines).toEqual([
            "warn server: refused client=a\\u{d}\\u{a}info server: \\u{1b}[2Kall is well\\u{2028}",
        ]);
        consoleLog("server").warn("refused", { client: "x".repeat(5_000) });
        expect(lines[1]).toHaveLength(1_001);
    });

    it("hold what libraries print, ten a second", () => {
        captureLibraries(consoleLog("server"));
        console.warn("Unknown %s: a\nwarn server: forged", "terminus");
        expect(lines).toEqual([
            "warn server: a library says text=Unknown terminus: a\\u{a}warn server: forged",
        ]);
        for (let i = 0; i < 100; i++) console.error(i);
        expect(lines.length).toBeLessThanOrEqual(20);
    });

    it("are text, or JSON that a field cannot pass itself off as", () => {
        consoleLog("server").warn("refused", { code: "MS_GAP", level: "info" });
        consoleLog("server", "json").warn("refused\nhere", { code: "MS_GAP", level: "info" });
        expect(lines[0]).toBe("warn server: refused code=MS_GAP level=info");
        expect(lines[1]).not.toContain("\n");
        expect(JSON.parse(lines[1] ?? "")).toEqual({
            code: "MS_GAP",
            time: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
            level: "warn",
            role: "server",
            message: "refused\nhere",
        });
    });

    it("of a server with --log-format json are all JSON", async () => {
        const path = fileOf("data: served\nport: 0\nmqtt-port: 0\nlog-format: json\n");
        const { child, outcome, shows } = start(["serve", "--config", path]);
        await shows('"serving"');
        child.kill("SIGTERM");
        const { code, stderr } = await outcome;
        expect(code).toBe(0);
        const lines = stderr.trim().split("\n");
        const [first] = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
        expect(first).toMatchObject({ level: "info", message: "serving" });
        expect(first?.portal).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    });
});
