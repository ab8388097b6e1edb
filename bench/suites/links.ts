import { setTimeout as sleep } from "node:timers/promises";
import { type CountedPath, countedTcpPath, countedUdpPath } from "../lib/counted-path.ts";
import { LinkFleet, LinkMeter } from "../lib/link-fleet.ts";
import { LinksRun, type OpenLink } from "../lib/links-run.ts";
import { median, percentile } from "../lib/measure.ts";
import { formatNumber, type Row, type Suite } from "../lib/report.ts";
import { inTempDirectory } from "../lib/temp.ts";

/** Meters that send at the same time, and messages of each of them under way. */
const SIZE = { meters: 16, window: 8, records: 30, rounds: 7, single: 200, counted: 6 };
const QUICK = { meters: 2, window: 2, records: 4, rounds: 1, single: 3, counted: 2 };
/** Readings of a record: one as it comes, or a day. */
const READINGS = [1, 96] as const;

/** Time until the last vertex is final, so that no final receipt comes while bytes are counted. */
const FINAL_MS = 2_500;

/** What a record costs on the wire. */
type Wire = {
    /** Bytes both ways before the first message, and beside it. */
    readonly begin: number;
    /** By {@link READINGS}: of the record, and both ways with acknowledgement and receipt. */
    readonly records: readonly { readonly own: number; readonly both: number }[];
    /** Bytes of the receipts among them, of one. */
    readonly receipt: number;
};

/** Every link through the same collector, side by side. */
export const linksSuite: Suite = {
    name: "links",
    title: "every link through one collector: acknowledged messages of one record, time to the receipt, bytes on the wire",
    run: ({ quick }) =>
        inTempDirectory(async (dataDir) => {
            const size = quick ? QUICK : SIZE;
            const run = await LinksRun.start(dataDir, size.meters + 2);
            try {
                const rates = await measureRates(run, size);
                const singles = new Map<string, readonly number[]>();
                const wires = new Map<string, Wire>();
                for (const link of run.links) {
                    singles.set(link.each.name, await measureSingle(run, link, size.single));
                    const wire = await measureWire(link, size.counted);
                    if (wire !== null) wires.set(link.each.name, wire);
                }
                const first = best(rates.get(run.links[0]?.each.name ?? "") ?? []);
                return {
                    rows: run.links.flatMap(({ each: { name } }) =>
                        rowsOf(name, rates.get(name) ?? [], first, singles.get(name) ?? [], wires),
                    ),
                    facts: factsOf(size, rates, wires),
                };
            } finally {
                await run.stop();
            }
        }),
};

type Size = typeof SIZE;

/** Messages in a second of each round, all links in each round: what disturbs one disturbs all. */
async function measureRates(run: LinksRun, size: Size): Promise<Map<string, number[]>> {
    const fleets = new Map<string, LinkFleet>();
    for (const { each, meters, place } of run.links) {
        if (each.wire === null) continue;
        const fleet = new LinkFleet(each, meters.slice(2));
        await fleet.connect(place);
        fleets.set(each.name, fleet);
    }
    const rates = new Map<string, number[]>(run.links.map(({ each }) => [each.name, []]));
    for (let round = -1; round < size.rounds; round++) {
        const records = round < 0 ? Math.ceil(size.records / 4) : size.records;
        for (const { each, meters } of run.links) {
            const rate = await burstOf(run, fleets.get(each.name) ?? null, each.name, {
                ...{ meters: meters.slice(2), records, window: size.window },
            });
            if (round >= 0) rates.get(each.name)?.push(rate);
        }
    }
    for (const fleet of fleets.values()) await fleet.close();
    return rates;
}

async function burstOf(
    { server }: LinksRun,
    fleet: LinkFleet | null,
    link: string,
    burst: Pick<OpenLink, "meters"> & { readonly records: number; readonly window: number },
): Promise<number> {
    if (fleet === null) return await server.ask("burst", { link, ...burst });
    await fleet.prepare(burst.records);
    return await fleet.burst(burst.window);
}

/** Milliseconds from each record to its receipt, one after the other. */
async function measureSingle(
    { server }: LinksRun,
    { each, meters: [first], place }: OpenLink,
    records: number,
): Promise<readonly number[]> {
    if (first === undefined) return [];
    if (each.wire === null) {
        return await server.ask("oneByOne", { link: each.name, meter: first, records });
    }
    const meter = new LinkMeter(each, 0, first);
    await meter.connect(place);
    const times: number[] = [];
    for (let i = 0; i < records; i++) {
        times.push((await meter.sendForReceipt(await meter.writer.next(1))).receiptMs);
    }
    await meter.close();
    return times;
}

/** Bytes that a meter of its own moves; null where there is no wire. */
async function measureWire(
    { each, meters: [, second], place }: OpenLink,
    records: number,
): Promise<Wire | null> {
    if (each.wire === null || second === undefined) return null;
    const url = new URL(place.url);
    const target = Number(url.port);
    const path = await (each.wire === "udp" ? countedUdpPath(target) : countedTcpPath(target));
    await sleep(FINAL_MS);
    const meter = new LinkMeter(each, 0, second);
    url.port = `${path.port}`;
    const there = `${url.protocol}//${url.host}`;
    await meter.connect({ ...place, url: there });
    await meter.sendForReceipt(await meter.writer.next(1)); // a link may connect once more for it
    const all = both(path);
    const costs: { own: number; both: number }[] = [];
    let receipts = 0;
    for (const readings of READINGS) {
        const before = { both: both(path), down: meter.downBytes };
        let own = 0;
        for (let i = 0; i < records; i++) {
            const record = await meter.writer.next(readings);
            own += record.length;
            await meter.sendForReceipt(record);
        }
        costs.push({ own: own / records, both: (both(path) - before.both) / records });
        receipts = (meter.downBytes - before.down) / records;
    }
    await meter.close();
    await path.close();
    return { begin: all - (costs[0]?.both ?? 0), records: costs, receipt: receipts };
}

function both({ counts }: CountedPath): number {
    return counts.up + counts.down;
}

/** What other programs of the machine disturb only makes slower: the round that they disturbed least. */
function best(rates: readonly number[]): number {
    return Math.max(...rates);
}

function rowsOf(
    name: string,
    rates: readonly number[],
    first: number,
    times: readonly number[],
    wires: ReadonlyMap<string, Wire>,
): Row[] {
    const wire = wires.get(name);
    const plain = { against: null, ratio: null, target: null };
    const ms = (what: string, share: number): Row => ({
        ...{ what: `${name}: ${what}`, ours: { value: percentile(times, share), unit: "ms" } },
        ...plain,
    });
    return [
        {
            what: `${name}: acknowledged`,
            ours: { value: best(rates), unit: "messages/s" },
            against: { value: first, unit: "messages/s", of: "memory" },
            ratio: best(rates) / first,
            target: null,
        },
        ms("to the receipt, p50", 0.5),
        ms("to the receipt, p99", 0.99),
        ...(wire?.records ?? []).map((cost, i): Row => {
            const readings = READINGS[i] === 1 ? "one reading" : `${READINGS[i]} readings`;
            return {
                what: `${name}: bytes both ways, ${readings}`,
                ours: { value: cost.both, unit: "bytes" },
                against: { value: cost.own, unit: "bytes", of: "the record" },
                ratio: cost.own / cost.both,
                target: null,
            };
        }),
        ...(wire === undefined
            ? []
            : [
                  {
                      ...{ what: `${name}: bytes to begin`, ...plain },
                      ours: { value: wire.begin, unit: "bytes" },
                  },
              ]),
    ];
}

function factsOf(
    { meters, window }: Size,
    rates: ReadonlyMap<string, readonly number[]>,
    wires: ReadonlyMap<string, Wire>,
): string[] {
    const receipt = median([...wires.values()].map((wire) => wire.receipt));
    const lists = [...rates].map(([name, list]) => `${name} ${list.map(formatNumber).join(", ")}`);
    const absent = LinksRun.absent.map(({ name }) => name);
    return [
        `${meters} meters a link, ${window} messages of each under way, one signed record of one reading a message; the meters run in one process beside the server's on the same cores, those of the memory link in the server's; brokers in their own, without a disk`,
        `bytes are counted between meter and listener, or meter and broker, without headers of TCP, UDP and IP: the message, what carries it, its acknowledgement, and a signed receipt of ${formatNumber(receipt)} bytes; to begin is everything before the first message and beside it`,
        `the best of the rounds counts; rounds: ${lists.join("; ")}`,
        ...(absent.length === 0 ? [] : [`not installed, and left out: ${absent.join(", ")}`]),
    ];
}
