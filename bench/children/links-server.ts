/** Server process of the suites over links: one collector with a link of every kind. */
import { type PublicKey, toHex } from "@meterseal/core";
import { signerFromPem } from "@meterseal/core/node";
import { COLLECTOR_NAME, enrolledCredential, enrolledKidOf } from "@meterseal/links/edhoc";
import { kidOf } from "@meterseal/record";
import { systemRandom } from "../../packages/node/src/clocks.ts";
import { PLACES } from "../../packages/node/src/files.ts";
import { loadIdentity } from "../../packages/node/src/server/identity.ts";
import { answerCalls } from "../lib/child.ts";
import { LINK_CASES, type Program } from "../lib/link-cases.ts";
import { type EnrolledMeter, type FleetPlace, LinkFleet, LinkMeter } from "../lib/link-fleet.ts";
import type { BenchMeter } from "../lib/meters.ts";
import { openRoles, QUIET_LOG } from "../lib/roles.ts";

/** Calls to this process. */
export type LinksServerCalls = {
    start: {
        input: {
            readonly dataDir: string;
            readonly meters: readonly BenchMeter[];
            /** Names of the links to open. */
            readonly links: readonly string[];
            readonly ports: Readonly<Partial<Record<Program, number>>>;
            readonly tls: { readonly cert: string; readonly key: string };
            /** Whether what links complain of is expected. */
            readonly isHostile: boolean;
        };
        output: {
            readonly network: Uint8Array;
            readonly collectorKey: PublicKey;
            readonly anchors: readonly Uint8Array[];
            /** Addresses by the names of the links. */
            readonly urls: Readonly<Record<string, string>>;
        };
    };
    /** Resident memory now and at most so far, in MB. */
    memory: { input: null; output: { readonly nowMb: number; readonly mostMb: number } };
    /** Runs a burst of a link without a wire in this process: messages in a second. */
    burst: {
        input: {
            readonly link: string;
            readonly meters: readonly EnrolledMeter[];
            readonly records: number;
            readonly window: number;
        };
        output: number;
    };
    /** The same one record after the other: ms until the receipt of each. */
    oneByOne: {
        input: { readonly link: string; readonly meter: EnrolledMeter; readonly records: number };
        output: readonly number[];
    };
};

let place: FleetPlace | null = null;
const fleets = new Map<string, LinkFleet>();

function placeHere(): FleetPlace {
    if (place === null) throw new Error("not started");
    return place;
}

function caseOf(name: string): (typeof LINK_CASES)[number] {
    const found = LINK_CASES.find((each) => each.name === name);
    if (found === undefined) throw new Error(`no link ${name}`);
    return found;
}

answerCalls<LinksServerCalls>({
    async start({ dataDir, isHostile, links, meters, ports, tls }) {
        const log = isHostile ? { info() {}, warn() {} } : QUIET_LOG;
        const roles = await openRoles(dataDir, log);
        const anchors = await roles.enrol(meters);
        const { collector } = loadIdentity(PLACES.serverKeys(dataDir), systemRandom);
        const known = new Map(
            meters.map(({ pem, subject }) => {
                const [subjectHex, key] = [toHex(subject), signerFromPem(pem).publicKey];
                const credential = enrolledCredential(subjectHex, key);
                return [toHex(kidOf(key)), { subjectHex, credential }];
            }),
        );
        const own = {
            ...enrolledCredential(COLLECTOR_NAME, collector.publicKey),
            signer: collector,
        };
        const find = (id: Uint8Array) => known.get(toHex(enrolledKidOf(id) ?? id)) ?? null;
        const urls: Record<string, string> = {};
        for (const each of links.map(caseOf)) {
            const brokerPort = each.program === null ? 0 : (ports[each.program] ?? 0);
            const link = each.collector({
                log,
                brokerPort,
                tls,
                own,
                find,
            });
            urls[each.name] = await roles.collector.listen(link);
        }
        const network = roles.engine.state.networkId;
        place = { url: "", ca: "", network, collectorKey: collector.publicKey };
        return { network, collectorKey: collector.publicKey, anchors, urls };
    },
    memory() {
        const nowMb = process.memoryUsage().rss / 2 ** 20;
        return { nowMb, mostMb: process.resourceUsage().maxRSS / 1024 };
    },
    async burst({ link, meters, records, window }) {
        let fleet = fleets.get(link);
        if (fleet === undefined) {
            fleet = new LinkFleet(caseOf(link), meters);
            await fleet.connect(placeHere());
            fleets.set(link, fleet);
        }
        await fleet.prepare(records);
        return await fleet.burst(window);
    },
    async oneByOne({ link, meter, records }) {
        const solo = new LinkMeter(caseOf(link), 0, meter);
        await solo.connect(placeHere());
        const times: number[] = [];
        for (let i = 0; i < records; i++) {
            times.push((await solo.sendForReceipt(await solo.writer.next(1))).receiptMs);
        }
        await solo.close();
        return times;
    },
});
