import { bytesEqual, MetersealError, toHex, unwrap } from "@meterseal/core";
import type { EmbeddedEngine } from "@meterseal/engines/embedded";
import { messageOf, parseItem } from "@meterseal/ledger";
import { NOTICE_KIND, type Notice } from "@meterseal/record";
import { TestParty } from "./parties.ts";
import { type SeededRandom, seededRandom } from "./random.ts";
import type { TestMeter, TestNetwork } from "./records.ts";
import type { SimHost } from "./sim-host.ts";

/** A simulated world as its parties need it. */
type PartyWorld = Pick<SimHost, "clockMs" | "notes"> & {
    readonly seed: number;
    readonly collector: { readonly engine: EmbeddedEngine | null };
};

type Granted = { readonly party: TestParty; readonly hash: Uint8Array };

/** The households of a simulation as parties: what they say is acknowledged when it is durable. */
export class SimParties {
    readonly random: SeededRandom;
    readonly #world: PartyWorld;
    readonly #parties: readonly TestParty[];
    /** Hash (hexadecimal) of each notice that was acknowledged. */
    readonly #acknowledged = new Set<string>();
    /** Grants that were acknowledged and not revoked yet. */
    readonly #granted: Granted[] = [];
    /** What was said and not acknowledged: it is said again. */
    #open: Notice | null = null;

    private constructor(world: PartyWorld, parties: readonly TestParty[]) {
        this.#world = world;
        this.#parties = parties;
        this.random = seededRandom(world.seed ^ 0x9a27);
    }

    /** One household for each meter, which owns its stream. */
    static async create(
        world: PartyWorld,
        network: TestNetwork,
        meters: readonly TestMeter[],
    ): Promise<SimParties> {
        const parties = meters.map(({ descriptor }, i) =>
            TestParty.make(network, `household ${i} of ${world.seed}`, {
                payload: { streams: [descriptor.stream] },
            }),
        );
        return new SimParties(world, await Promise.all(parties));
    }

    /** Messages that admit them. */
    get messages(): Uint8Array[] {
        return this.#parties.map(({ party }) => party.message.bytes);
    }

    /** Says one thing, or once more what was not acknowledged. */
    async speak(): Promise<void> {
        const notice = this.#open ?? (await this.#next());
        this.#open = notice;
        const { engine } = this.#world.collector;
        if (engine === null) return;
        try {
            await engine.submit(notice.message.bytes, []);
        } catch (cause) {
            if (!(cause instanceof MetersealError)) throw cause;
            // It is there already: written before a crash that took the answer.
            if (cause.code !== "MS_NOTICE_DUPLICATE") return;
        }
        this.#world.notes.counts.notices++;
        this.#acknowledged.add(toHex(notice.message.hash));
        if (this.#open === notice) this.#open = null;
        const party = this.#parties.find((each) => bytesEqual(each.party.id, notice.party));
        if (notice.kind === NOTICE_KIND.grant && party !== undefined) {
            this.#granted.push({ party, hash: notice.hash });
        }
    }

    /** Whatever was acknowledged stands in the log, once. */
    check(items: Iterable<Uint8Array>): void {
        const times = new Map<string, number>();
        for (const item of items) {
            const name = toHex(messageOf(unwrap(parseItem(item))).hash);
            times.set(name, (times.get(name) ?? 0) + 1);
        }
        for (const hash of this.#acknowledged) {
            if (times.get(hash) === 1) continue;
            this.#world.notes.complain(`notice ${hash} is there ${times.get(hash) ?? 0} times`);
        }
    }

    /** A new grant, or the revocation of one that was acknowledged. */
    async #next(): Promise<Notice> {
        const timeUnix = Math.floor(this.#world.clockMs() / 1000);
        const revoked = this.random.chance(0.4) ? this.#granted.pop() : undefined;
        if (revoked !== undefined) {
            const content = { kind: NOTICE_KIND.revocation, hash: revoked.hash };
            return await revoked.party.notice(content, { timeUnix });
        }
        const party = this.random.pick(this.#parties);
        const hash = this.random.bytes(32);
        return await party.notice({ kind: NOTICE_KIND.grant, hash }, { timeUnix });
    }
}
