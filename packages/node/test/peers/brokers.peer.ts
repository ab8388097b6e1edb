import { appendFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { selfSigned } from "@meterseal/testkit/certificate";
import {
    INSTALLED,
    makeMosquitto,
    makeProsody,
    makeRabbit,
    type PeerBroker,
    RABBIT_HOST,
} from "@meterseal/testkit/peer-brokers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { DEVICE_FILES } from "../../src/device/device.ts";
import { type Running, run, start } from "../command.ts";
import { useScratch } from "../fixture.ts";

const TEST_MS = 60_000;
/** RabbitMQ takes its time on a machine that is busy. */
const START_MS = 240_000;
const STOP_MS = 20_000;
/** Of a shape that no file format would keep apart by accident. */
const PASSWORD = "a b#c'd\"é: =";
const DOMAIN = "meters.example";

/** Each way to a collector, the broker behind it, and the account of a subject or tenant there. */
const WAYS = [
    { scheme: "mqtt+broker", program: "mosquitto", account: (name: string) => name },
    { scheme: "mqtts+broker", program: "mosquitto", account: (name: string) => name },
    { scheme: "amqp091", program: "rabbitmq", account: () => "collector" },
    { scheme: "amqps091", program: "rabbitmq", account: () => "collector" },
    { scheme: "amqp+broker", program: "rabbitmq", account: () => "collector" },
    { scheme: "amqps+broker", program: "rabbitmq", account: () => "collector" },
    { scheme: "xmpp", program: "prosody", account: (name: string) => `${name}@${DOMAIN}` },
    { scheme: "xmpps", program: "prosody", account: (name: string) => `${name}@${DOMAIN}` },
] as const;
type Way = (typeof WAYS)[number];

const scratch = useScratch();
const place = (name: string): string => join(scratch, name);
const brokers = new Map<Way["program"], PeerBroker>();
const isSecure = ({ scheme }: Way): boolean => /^\w+s(?:\+|091|$)/.test(scheme);
/** A tenant of its own keeps two ways over one broker apart. */
const tenantOf = ({ scheme }: Way): string => scheme.replace("+", "-");
const portOf = (way: Way): number => {
    const broker = brokers.get(way.program);
    return (isSecure(way) ? broker?.tlsPort : broker?.port) ?? 0;
};
/** The ways with TLS lead to a virtual host, where there are such. */
const queryOf = (way: Way): string =>
    way.program === "rabbitmq" && isSecure(way) ? `?vhost=${encodeURIComponent(RABBIT_HOST)}` : "";
const urlOf = (way: Way): string =>
    `${way.scheme}://127.0.0.1:${portOf(way)}/${tenantOf(way)}${queryOf(way)}`;
const isThere = ({ program }: Way): boolean => INSTALLED[program];

function secretFile(name: string, lines: readonly string[], mode = 0o600): string {
    writeFileSync(place(name), `# logins\n${lines.join("\n")}\n`, { mode });
    return place(name);
}

/** Makes a meter; resolves with its subject. */
async function makeMeter(name: string): Promise<string> {
    const words = ["--zone", "UTC", "--slot-seconds", "1800", "--json"];
    expect((await run("meter", "init", "--dir", place(name), ...words)).code).toBe(0);
    const request = JSON.parse(readFileSync(join(place(name), DEVICE_FILES.request), "utf8"));
    return String(request.subject);
}

let ca: string;
let served: Running;
let portal: string;
let logins: string;
const subjects = new Map<string, string>();

async function makeBrokers(): Promise<void> {
    const names = [...subjects.values()];
    const accounts = (more: readonly string[]): Record<string, string> =>
        Object.fromEntries([...names, ...more].map((name) => [name, PASSWORD]));
    const tls = { certFile: ca, keyFile: place("key.pem") };
    const tenants = WAYS.map(tenantOf);
    if (INSTALLED.mosquitto)
        brokers.set("mosquitto", await makeMosquitto(accounts(["collector"]), tls));
    if (INSTALLED.rabbitmq) brokers.set("rabbitmq", await makeRabbit(["collector", PASSWORD], tls));
    if (INSTALLED.prosody)
        brokers.set("prosody", await makeProsody([DOMAIN], accounts(tenants), tls));
    for (const broker of brokers.values()) await broker.start();
}

beforeAll(async () => {
    const { cert, key } = selfSigned(2, `IP:127.0.0.1,DNS:${DOMAIN}`);
    ca = place("cert.pem");
    writeFileSync(ca, cert);
    writeFileSync(place("key.pem"), key, { mode: 0o600 });
    for (const { scheme } of WAYS) subjects.set(scheme, await makeMeter(scheme));
    await makeBrokers();
    const mine = (way: Way): string => (way.program === "prosody" ? tenantOf(way) : "collector");
    const ways = WAYS.filter(isThere);
    const ports = new Map(ways.map((way) => [portOf(way), way.account(mine(way))]));
    logins = secretFile(
        "logins",
        [...ports].map(([port, name]) => `127.0.0.1:${port} ${name} ${PASSWORD}`),
    );
    const links = ways.flatMap((way) => ["--link", urlOf(way)]);
    const words = ["--data", place("utility"), "--port", "0", "--broker-login", logins];
    served = start(["serve", ...words, "--broker-ca", ca, ...links]);
    await served.shows("Ctrl-C stops.");
    portal = /^portal: (\S+)$/m.exec(served.said())?.[1] ?? "";
}, START_MS);
afterAll(async () => {
    served?.child.kill("SIGTERM");
    const outcome = await served?.outcome;
    for (const broker of brokers.values()) await broker.remove();
    expect(outcome?.code).toBe(0);
    expect(outcome?.stderr).not.toContain(PASSWORD);
}, STOP_MS);

/** Words of a meter that sends two readings by a way. */
async function sending(way: Way): Promise<string[]> {
    const meter = place(way.scheme);
    const request = join(meter, DEVICE_FILES.request);
    expect((await run("enrol", "--data", place("utility"), request)).code).toBe(0);
    writeFileSync(
        place(`${way.scheme}.csv`),
        "timestamp,import_kwh\n2024-07-01T00:00Z,0.25\n2024-07-01T00:30Z,0.5\n",
    );
    const account = way.account(subjects.get(way.scheme) ?? "");
    const login = secretFile(`${way.scheme}.login`, [
        `127.0.0.1:${portOf(way)} ${account} ${PASSWORD}`,
    ]);
    const words = ["meter", "run", "--dir", meter, "--csv", place(`${way.scheme}.csv`)];
    return [...words, "--to", urlOf(way), "--login", login, "--json"];
}

describe("a server and meters that are clients of a broker (not run where it is not installed)", () => {
    it.each(WAYS.map((way) => [way.scheme, way] as const))(
        "reach each other over %s, from a reading to what makes it final",
        async (scheme, way) => {
            if (!isThere(way)) return;
            expect(served.said()).toContain(`link:   ${urlOf(way)}\n`);
            const send = await sending(way);
            if (isSecure(way)) {
                const doubting = start(send);
                await doubting.shows("self-signed certificate");
                doubting.child.kill("SIGINT");
                expect(JSON.parse((await doubting.outcome).stdout)).toMatchObject({
                    openRecords: 1,
                });
            }
            const trusting = isSecure(way) || scheme === "xmpp" ? ["--ca", ca] : [];
            const sent = await run(...send, ...trusting);
            expect(sent.stderr).not.toContain(PASSWORD);
            expect([sent.code, JSON.parse(sent.stdout)]).toMatchObject([0, { openRecords: 0 }]);
            const { keyFile } = JSON.parse(sent.stdout);
            const usage = await run("usage", "--key", keyFile, "--url", portal, "--json");
            expect(JSON.parse(usage.stdout)).toMatchObject({ totalImportWh: 750 });
        },
        TEST_MS,
    );

    /** A server that only tries to enter a broker, at a host, with a login. */
    const entering = async (way: Way, host: string, name: string, password: string) => {
        const at = `${host}:${portOf(way)}`;
        const login = secretFile(`${way.scheme}.wrong`, [`${at} ${name} ${password}`]);
        const words = ["--broker-login", login, "--broker-ca", ca, "--data", place("other")];
        const url = `${way.scheme}://${at}/${tenantOf(way)}`;
        return await run("serve", "--port", "0", "--link", url, ...words);
    };

    it.each(WAYS.map((way) => [way.scheme, way] as const))(
        "do not enter with a wrong password, and do not show it: %s",
        async (_scheme, way) => {
            if (!isThere(way)) return;
            const name = way.program === "prosody" ? tenantOf(way) : "collector";
            const tried = await entering(way, "127.0.0.1", way.account(name), "wr0ng");
            expect([tried.code, tried.stderr]).toEqual([3, expect.stringMatching(/^MS_LINK: /)]);
            expect(tried.stderr).not.toContain("wr0ng");
        },
        TEST_MS,
    );

    it.each(WAYS.filter(isSecure).map((way) => [way.scheme, way] as const))(
        "do not log in where a certificate is made out for somebody else: %s",
        async (_scheme, way) => {
            if (!isThere(way)) return;
            const isXmpp = way.program === "prosody"; // there the domain counts, not the host
            const name = isXmpp ? `${tenantOf(way)}@other.example` : "collector";
            const tried = await entering(way, isXmpp ? "127.0.0.1" : "localhost", name, PASSWORD);
            const reason = /^MS_LINK: .*(?:certificate's altnames|unrecognized name)/;
            expect([tried.code, tried.stderr]).toEqual([3, expect.stringMatching(reason)]);
        },
        TEST_MS,
    );

    it.each([
        ["mqtt+broker", ["mqtt broker"]],
        ["amqp091", ["amqp 0-9-1", "amqp 1.0"]],
        ["xmpp", ["xmpp"]],
    ] as const)(
        "go on when the broker was gone and is back: %s",
        async (scheme, names) => {
            const way = WAYS.find((each) => each.scheme === scheme);
            if (way === undefined || !isThere(way)) return;
            const broker = brokers.get(way.program);
            const send = [
                ...(await sending(way)),
                ...(way.program === "prosody" ? ["--ca", ca] : []),
            ];
            const more = ["2024-07-01T01:00Z,0.25", "2024-07-01T01:30Z,0.5"];
            appendFileSync(place(`${way.scheme}.csv`), `${more.join("\n")}\n`);
            await broker?.stop();
            for (const name of names) await served.shows(`${name}: the broker is gone`);
            const readiness = await (await fetch(`${portal}/readyz`)).json();
            const reason = `the ${scheme} link does not listen`;
            expect(readiness).toMatchObject({
                ready: false,
                reasons: expect.arrayContaining([reason]),
            });
            const meter = start(send);
            await meter.shows("connection failed");
            await broker?.start();
            for (const name of names) await served.shows(`${name}: the broker is back`);
            const sent = await meter.outcome;
            expect([sent.code, JSON.parse(sent.stdout)]).toMatchObject([0, { openRecords: 0 }]);
        },
        START_MS,
    );
});
