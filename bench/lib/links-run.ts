import { toHex } from "@meterseal/core";
import { selfSigned } from "@meterseal/testkit/certificate";
import {
    INSTALLED,
    makeMosquitto,
    makeProsody,
    makeRabbit,
    type PeerBroker,
} from "@meterseal/testkit/peer-brokers";
import { SERVER_NODE_FLAGS } from "../../packages/node/src/server/node-flags.ts";
import type { LinksServerCalls } from "../children/links-server.ts";
import { Child } from "./child.ts";
import { DOMAIN, LINK_CASES, type LinkCase, PASSWORD, type Program } from "./link-cases.ts";
import type { EnrolledMeter, FleetPlace } from "./link-fleet.ts";
import { type BenchMeter, makeMeters } from "./meters.ts";
import { TENANT } from "./tenant.ts";

/** A link that is open, and meters of its own. */
export type OpenLink = {
    readonly each: LinkCase;
    readonly place: FleetPlace;
    readonly meters: readonly EnrolledMeter[];
};

/** A server process with links, and the programs of others that they need. */
export class LinksRun {
    readonly links: readonly OpenLink[];
    readonly server: Child<LinksServerCalls>;
    readonly #brokers: readonly PeerBroker[];

    private constructor(
        links: readonly OpenLink[],
        server: Child<LinksServerCalls>,
        brokers: readonly PeerBroker[],
    ) {
        this.links = links;
        this.server = server;
        this.#brokers = brokers;
    }

    /**
     * Starts all.
     * @param metersEach - meters of each link.
     * @param wanted - which links, of those whose programs are installed, are attacked; null for all, in peace.
     */
    static async start(
        dataDir: string,
        metersEach: number,
        wanted: ((each: LinkCase) => boolean) | null = null,
    ): Promise<LinksRun> {
        const cases = LINK_CASES.filter((each) => isInstalled(each) && (wanted?.(each) ?? true));
        const meters = makeMeters(metersEach * cases.length, 1);
        const brokers = await startBrokers(cases, meters);
        const server = new Child<LinksServerCalls>("links-server.ts", null, SERVER_NODE_FLAGS);
        const tls = selfSigned();
        const started = await server.ask("start", {
            ...{
                dataDir,
                meters,
                tls,
                isHostile: wanted !== null,
                links: cases.map(({ name }) => name),
            },
            ports: Object.fromEntries([...brokers].map(([name, { port }]) => [name, port])),
        });
        const { anchors, collectorKey, network, urls } = started;
        const links = cases.map((each, i): OpenLink => {
            const own = meters.slice(i * metersEach, (i + 1) * metersEach);
            return {
                each,
                place: { network, collectorKey, ca: tls.cert, url: urls[each.name] ?? "" },
                meters: own.map((meter, n) => ({
                    meter,
                    anchor: anchors[i * metersEach + n] ?? new Uint8Array(32),
                })),
            };
        });
        return new LinksRun(links, server, [...brokers.values()]);
    }

    /** Links that are left out, because a program is not installed. */
    static get absent(): readonly LinkCase[] {
        return LINK_CASES.filter((each) => !isInstalled(each));
    }

    async stop(): Promise<void> {
        await this.server.stop();
        for (const broker of this.#brokers) await broker.remove();
    }
}

function isInstalled({ program }: LinkCase): boolean {
    return program === null || INSTALLED[program];
}

async function startBrokers(
    cases: readonly LinkCase[],
    meters: readonly BenchMeter[],
): Promise<Map<Program, PeerBroker>> {
    const names = meters.map(({ subject }) => toHex(subject));
    const accounts = (own: string): Record<string, string> =>
        Object.fromEntries([own, ...names].map((name) => [name, PASSWORD]));
    const make: Record<Program, () => Promise<PeerBroker>> = {
        mosquitto: () => makeMosquitto(accounts("collector")),
        rabbitmq: () => makeRabbit(["collector", PASSWORD]),
        prosody: () => makeProsody([DOMAIN], accounts(TENANT)),
    };
    const brokers = new Map<Program, PeerBroker>();
    for (const { program } of cases) {
        if (program === null || brokers.has(program)) continue;
        const broker = await make[program]();
        await broker.start();
        brokers.set(program, broker);
    }
    return brokers;
}
