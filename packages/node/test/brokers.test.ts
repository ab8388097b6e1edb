import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { LIMITS } from "@meterseal/core";
import { describe, expect, it } from "vitest";
import {
    type BrokerPlace,
    brokerAddressOf,
    brokerUrl,
    readBrokerAccess,
} from "../src/config/brokers.ts";
import { linkPlacesOf } from "../src/config/links.ts";
import type { Check } from "../src/doctor/check.ts";
import { run } from "./command.ts";
import { useScratch } from "./fixture.ts";

const scratch = useScratch();
const SECRET = "hunter2";
let files = 0;

function fileOf(text: string, mode = 0o600): string {
    const path = join(scratch, `file-${files++}`);
    writeFileSync(path, text, { mode });
    return path;
}

const served = (...words: string[]) =>
    run("serve", "--data", join(scratch, "refused"), "--port", "0", ...words);

describe("the address of a broker", () => {
    it.each([
        ["mqtt+broker://127.0.0.1:1883", "local"],
        ["mqtts+broker://broker.example:8883/north-1", "north-1"],
        ["amqp091://[::1]:5672/", "local"],
        ["amqps091://broker.example:5671", "local"],
        ["amqp+broker://127.0.0.1:5672", "local"],
        ["amqps+broker://broker.example:5671", "local"],
        ["xmpp://chat.example:5222/collector", "collector"],
        ["xmpps://chat.example:5223", "local"],
    ])("is taken, with a tenant where it names one: %s", (text, tenant) => {
        const [place] = linkPlacesOf(text);
        expect(place).toMatchObject({ scheme: text.split(":")[0], tenant });
    });

    it("is a place of its own for each tenant and virtual host", () => {
        expect(linkPlacesOf("xmpp://h:1/a xmpp://h:1/b xmpp://h:1/a")).toHaveLength(2);
        expect(linkPlacesOf("amqp091://h:1/a amqp091://h:1/a?vhost=b")).toHaveLength(2);
    });

    it("names a virtual host of AMQP, and is written as it was read", () => {
        for (const scheme of ["amqp091", "amqps091", "amqp+broker", "amqps+broker"]) {
            const text = `${scheme}://h:1/t?vhost=north%2F1`;
            const [place] = linkPlacesOf(text) as BrokerPlace[];
            expect(place).toMatchObject({ tenant: "t", virtualHost: "north/1" });
            expect(place && brokerUrl(place)).toBe(text);
        }
    });

    it.each([
        "mqtt+broker://127.0.0.1",
        "mqtt+broker://127.0.0.1:0",
        "mqtt+broker://127.0.0.1:65536",
        "mqtt+broker://127.0.0.1:1883/a/b",
        "mqtt+broker://127.0.0.1:1883/a+b",
        `mqtt+broker://127.0.0.1:1883/${"t".repeat(65)}`,
        "mqtt+broker://127.0.0.1:1883/t?vhost=a",
        "xmpp://127.0.0.1:1883?vhost=a",
        "amqp091://127.0.0.1:1883?vhost=%",
        "amqp091://127.0.0.1:1883?host=a",
        "coap://127.0.0.1:5683?vhost=a",
        "tcp+broker://127.0.0.1:1883",
        "coap://127.0.0.1:5683/tenant",
    ])("is refused: %s", async (text) => {
        const { code, stderr } = await served("--link", text);
        expect([code, stderr]).toEqual([
            2,
            expect.stringMatching(/^MS_USAGE: .*mqtt\+broker:\/\//),
        ]);
    });

    it.each(["mqtt+broker", "amqp+broker", "amqp091"])(
        "is refused in plain text beyond the loopback, on both sides: %s",
        async (scheme) => {
            const url = `${scheme}://broker.example:1883`;
            const { code, stderr } = await served("--link", url);
            expect([code, stderr]).toEqual([2, expect.stringMatching(/^MS_USAGE: .*--insecure/)]);
            expect(existsSync(join(scratch, "refused/server/server.lock"))).toBe(false);
        },
    );
});

describe("a password in an address", () => {
    const urls = [
        `mqtt+broker://user:${SECRET}@127.0.0.1:1883`,
        `mqtt://u:${SECRET}@127.0.0.1:1`,
        `amqps+broker://user:${SECRET}/#? @broker.example:5671`,
    ];

    it.each(urls)("is refused and not shown again", async (url) => {
        const config = fileOf(`data: here\nlink: ${url}\n`);
        const calls = [
            await served("--link", url),
            await served("--link", url, "--print-config"),
            await run("serve", "--config", config),
            await run("doctor", "--config", config, "--json"),
            await run("meter", "run", "--dir", "none", "--csv", "none", "--to", url),
        ];
        for (const { code, stderr, stdout } of calls) {
            expect([code, stderr]).toEqual([2, expect.stringMatching(/^MS_USAGE: .*file/)]);
            expect(stdout + stderr).not.toContain(SECRET);
        }
    });
});

describe("the file with logins", () => {
    const link = ["--link", "mqtt+broker://127.0.0.1:1"];

    it("holds a line for each broker, the password to its end", () => {
        const path = fileOf(
            `# ours\n127.0.0.1:1883 meter a b#c \r\n\n[::1]:5672 x y\nBroker.example:1 N P\n`,
        );
        const access = readBrokerAccess(path, null);
        const at = (text: string) => {
            const [place] = linkPlacesOf(text);
            if (place === undefined || !("tenant" in place)) throw new Error(text);
            return brokerAddressOf(place, access, false);
        };
        expect(at("mqtt+broker://127.0.0.1:1883")).toEqual({
            ...{ url: "mqtt://127.0.0.1:1883", tenant: "local", insecure: false },
            ...{ username: "meter", password: "a b#c " },
        });
        expect(at("amqp091://[::1]:5672")).toMatchObject({ username: "x", password: "y" });
        expect(at("xmpps://broker.EXAMPLE:1")).toMatchObject({ username: "N" });
        expect(() => at("xmpps://other.example:1")).toThrow(/MS_USAGE.*other\.example:1/);
    });

    it.each([
        ["a line without a password", `127.0.0.1:1 ${SECRET}\n`, /line 1.*HOST:PORT NAME PASSWORD/],
        ["a line without a port", `127.0.0.1 user ${SECRET}\n`, /line 1/],
        ["a broker twice", `a:1 u ${SECRET}\nA:1 u ${SECRET}\n`, /line 2.*one line for each/],
        ["no line for this broker", `127.0.0.1:2 user ${SECRET}\n`, /a line for 127\.0\.0\.1:1/],
    ])("is refused with %s, and not shown", async (_what, text, expected) => {
        const { code, stderr } = await served(...link, "--broker-login", fileOf(text));
        expect([code, stderr]).toEqual([2, expect.stringMatching(/^MS_USAGE/)]);
        expect(stderr).toMatch(expected);
        expect(stderr).not.toContain(SECRET);
    });

    it("is its owner's alone, as long as a configuration, and there", async () => {
        const open = await served(...link, "--broker-login", fileOf("127.0.0.1:1 u p\n", 0o640));
        expect([open.code, open.stderr]).toEqual([2, expect.stringMatching(/Run: chmod 600/)]);
        const full = `127.0.0.1:1 u p\n#${"x".repeat(LIMITS.configBytes)}`;
        const long = await served(...link, "--broker-login", fileOf(full));
        expect(long.stderr).toMatch(/^MS_TOO_LARGE/);
        const none = await served(...link, "--broker-login", join(scratch, "absent"));
        expect([none.code, none.stderr]).toEqual([2, expect.stringMatching(/^MS_NOT_FOUND/)]);
    });

    it("goes with a broker, on both sides", async () => {
        const login = fileOf("127.0.0.1:1 u p\n");
        const server = await served("--link", "coap://127.0.0.1:0", "--broker-login", login);
        expect(server.stderr).toMatch(/^MS_USAGE: .*a link to a broker/);
        const to = ["--to", "mqtt://127.0.0.1:1", "--login", login];
        const meter = await run("meter", "run", "--dir", "none", "--csv", "none", ...to);
        expect(meter.stderr).toMatch(/^MS_USAGE: .*--login with a broker/);
    });
});

describe("an account of XMPP", () => {
    it("has the name that the other side sends to", async () => {
        const login = fileOf("127.0.0.1:1 collector@meters.example p\n");
        const words = ["--link", "xmpp://127.0.0.1:1", "--broker-login", login];
        const { code, stderr } = await served(...words);
        expect([code, stderr]).toEqual([2, expect.stringContaining("local@meters.example")]);
    });
});

describe("a broker that is not there", () => {
    it.each(["mqtt+broker", "amqp091", "amqp+broker", "xmpp"])(
        "ends a server that starts, with the address and the reason: %s",
        async (scheme) => {
            const login = fileOf("127.0.0.1:1 local@meters.example p\n");
            const words = ["--link", `${scheme}://127.0.0.1:1`, "--broker-login", login];
            const { code, stderr } = await served(...words);
            expect([code, stderr]).toEqual([
                3,
                expect.stringMatching(/^MS_LINK: .*127\.0\.0\.1:1\..*ECONNREFUSED/),
            ]);
        },
        20_000,
    );

    it("is a fault for the doctor, who sees one that is there", async () => {
        const server = createServer((socket) => socket.destroy()).listen(0, "127.0.0.1");
        await new Promise((resolve) => server.once("listening", resolve));
        const { port } = server.address() as { port: number };
        const links = [`mqtt+broker://127.0.0.1:${port}`, "amqp091://127.0.0.1:1"];
        const words = links.flatMap((link) => ["--link", link]);
        const { stdout } = await run("doctor", "--json", ...words);
        server.close();
        const checks = (JSON.parse(stdout).checks as Check[]).filter(({ name }) =>
            /link$/.test(name),
        );
        expect(checks.map(({ name, status }) => [name, status])).toEqual([
            ["mqtt+broker link", "ok"],
            ["amqp091 link", "fault"],
        ]);
        const login = fileOf("127.0.0.1:1 u p\n", 0o644);
        const asked = ["--link", links[1] ?? "", "--broker-login", login];
        const second = await run("doctor", "--json", ...asked);
        expect(second.stdout).toMatch(/broker login[^}]*chmod 600/);
        expect(readFileSync(login, "utf8")).toContain("u p");
    });
});
