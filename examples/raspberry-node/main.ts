/**
 * `npx node examples/raspberry-node/main.ts`: a Raspberry Pi with a current sensor, from its registration
 * to its rows of the ledger, and what happens to whoever is not it.
 */
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Command, must, run, until } from "./command.ts";
import { sendAsNode, strangerKey, tryToConnect } from "./intruders.ts";
import { fetchTable, type LedgerTable, printTable } from "./ledger-table.ts";
import { type NodeFiles, readNode } from "./node-files.ts";
import { Sensor } from "./sensor.ts";
import { changeTable, sealedReading, withOneBit } from "./tampering.ts";
import { Tap } from "./tap.ts";

const ROWS = 3;
const SHOWN_ROWS = 5;
const folder = mkdtempSync(join(tmpdir(), "meterseal-raspberry-"));
const place = (name: string): string => join(folder, name);
const utility = place("utility");
let faults = 0;

/** Prints what was found out; a thing that does not hold ends the program with 1. */
function say(text: string, holds = true): void {
    if (!holds) faults++;
    console.log(holds ? text : `DOES NOT HOLD: ${text}`);
}

function step(title: string): void {
    console.log(`\n${title}`);
}

const sensor = new Sensor();
const serial = await sensor.listen();
const server = new Command([
    ...["serve", "--data", utility, "--port", "0"],
    ...["--link", "tcp://127.0.0.1:0", "--link", "http://127.0.0.1:0"],
]);
try {
    await story();
} finally {
    sensor.close();
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
}
if (faults > 0) console.log(`\n${faults} things do not hold.`);
process.exitCode = faults === 0 ? 0 : 1;

async function story(): Promise<void> {
    await server.says(/Ctrl-C stops\./);
    const address = (pattern: RegExp): string => pattern.exec(server.said)?.[1] ?? "";
    const portal = address(/^portal: (\S+)$/m);
    const tcp = address(/^link: +(tcp:\S+)$/m);
    const http = address(/^link: +(http:\S+)$/m);

    step("1  The node makes its keys, and the operator registers it");
    const node = await register("pi");
    const devices = await devicesOf(portal);
    say(`Devices table: ${devices.length} row, ${node.subjectHex}`, devices[0] === node.subjectHex);

    step("2  The sensor speaks, the node seals, and a key is agreed for the way to the server");
    const tap = new Tap(Number(new URL(tcp).port));
    const to = await tap.listen();
    const table = await measure("pi", { to, portal, node }).finally(() => tap.close());
    const [one, two, three, four, ...sealed] = tap.frames.map(({ bytes }) => bytes.length);
    say(`EDHOC messages 1 to 4: ${one}, ${two}, ${three} and ${four} bytes.`, four !== undefined);
    say(`Behind them ${sealed.length} encrypted frames.`, sealed.length > ROWS);
    const spied = tap.all;
    const names = [...table.records.map(({ message }) => message.signature), node.network];
    say(
        `Of ${spied.length} bytes on the wire none tells a record, a signature or the network.`,
        names.every((bytes) => !spied.includes(bytes)),
    );

    step("3  The ledger: each row signed by the node, each with the hash of the one before");
    console.log(printTable(table, SHOWN_ROWS));
    say("Signatures, chain, and place in the log: all hold.", table.holds);
    const usage = await energyOf("pi", portal);
    say(`Only the household opens the registers: ${usage} Wh in these seconds.`, usage > 0);

    step("4  A second node, whose board can only do RSA");
    const rsa = await register("pi-rsa", "--algorithm", "PS256");
    const refused = await run(...bridge("pi-rsa", tcp));
    const [why = ""] = /^MS_USAGE.*/m.exec(refused.said) ?? [];
    say("Over TCP it is refused, for EDHOC has no RSA:", refused.code === 2);
    console.log(`  ${why}`);
    const second = await measure("pi-rsa", { to: http, portal, node: rsa });
    console.log(printTable(second, SHOWN_ROWS));
    say("Over HTTP its rows are as good.", second.holds && second.records.length >= ROWS);

    step("5  Whoever is not the node");
    await strangers(tcp, node);
    await changes(tcp, node, table);
}

/** Makes a node's keys and registers it, by the commands of the guide. */
async function register(name: string, ...more: string[]): Promise<NodeFiles> {
    const words = ["--observed", "--zone", "Europe/London", "--slot-seconds", "1"];
    await must("meter", "init", "--dir", place(name), ...words, ...more);
    await must("enrol", "--data", utility, join(place(name), "request.json"));
    return readNode(place(name));
}

async function devicesOf(portal: string): Promise<string[]> {
    const response = await fetch(`${portal}/api/v1/meters`);
    const { meters } = (await response.json()) as { meters: { subject: string }[] };
    return meters.map(({ subject }) => subject);
}

function bridge(name: string, to: string): string[] {
    const from = ["--dir", place(name), "--serial", serial];
    return ["bridge", ...from, "--to", to, "--send-every", "1"];
}

/** Lets a node read the sensor until some rows of it are in the ledger. */
async function measure(
    name: string,
    {
        node,
        portal,
        to,
    }: { readonly node: NodeFiles; readonly portal: string; readonly to: string },
): Promise<LedgerTable> {
    const running = new Command([...bridge(name, to), "--json"]);
    const table = await until("rows of the ledger", async () => {
        const { holds, records } = await fetchTable(portal, node.network, node.subjectHex);
        return records.length >= ROWS ? { holds, records } : null;
    });
    const { code, out } = await running.stop();
    const report = JSON.parse(out) as { telegrams: number; refused: Record<string, number> };
    const bad = Object.entries(report.refused).map(([why, count]) => `${count} refused (${why})`);
    say(`${name}: ${report.telegrams} lines of the sensor, ${bad.join(", ")}.`, code === 0);
    return table;
}

async function energyOf(name: string, portal: string): Promise<number> {
    const key = join(place(name), "key.json");
    const usage = (await must("usage", "--key", key, "--url", portal, "--level", "hour")) as {
        totalImportWh: number;
    };
    return usage.totalImportWh;
}

/** Three who try to begin a session. */
async function strangers(tcp: string, node: NodeFiles): Promise<void> {
    const stranger = strangerKey();
    const own = { ...node, key: node.signer.publicKey };
    const cases = [
        [
            "A device that is not in the table",
            { ...own, key: stranger.publicKey, signer: stranger },
            /MS_KEY_UNKNOWN/,
        ],
        [
            "One that names the node's key and has another",
            { ...own, signer: stranger },
            /MS_SIGNATURE_BAD/,
        ],
    ] as const;
    for (const [who, claim, why] of cases) {
        const before = server.said.length;
        const reason = await tryToConnect(tcp, claim);
        const line = await until("the server's log line", () => newLine(before));
        say(`${who}: no session. The server's log:`, reason !== null && why.test(line));
        console.log(`  ${line}`);
    }
    const elsewhere = { ...own, collectorKey: stranger.publicKey };
    const reason = await tryToConnect(tcp, elsewhere);
    say(`A server that is not the node's own: the node hangs up.`, reason !== null);
    say("The node itself: a session.", (await tryToConnect(tcp, own)) === null);
}

/** What the server has logged about a session that ended; null for nothing yet. */
function newLine(from: number): string | null {
    return /^.*session is over.*(?=\n)/m.exec(server.said.slice(from))?.[0] ?? null;
}

/** A reading that is changed on its way, and one in the server's own table. */
async function changes(tcp: string, node: NodeFiles, table: LedgerTable): Promise<void> {
    const [, record] = table.records;
    if (record === undefined) throw new Error("a second row");
    const reading = sealedReading(record);
    const changed = withOneBit(record.message.bytes, reading);
    const code = await sendAsNode(tcp, node, changed);
    say(`A reading with one bit changed, in the node's session: receipt code ${code}.`, code === 4);

    await server.stop();
    const { counts } = (await must("verify", "--data", utility)) as VerifyReport;
    say(`verify of the whole table: ${counts.records} records hold.`);
    const copy = place("changed");
    cpSync(utility, copy, { recursive: true });
    changeTable(join(copy, "server", "store.db"), reading);
    const found = await run("verify", "--data", copy, "--json");
    const { faults: said } = JSON.parse(found.out) as VerifyReport;
    say(
        `The same bit changed in the table: ${said[0]?.code} at ${said[0]?.where}`,
        found.code !== 0,
    );
}

type VerifyReport = {
    readonly counts: { readonly records: number };
    readonly faults: readonly { readonly where: string; readonly code: string }[];
};
