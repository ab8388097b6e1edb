import {
    createLadder,
    generateHpkeKeyPair,
    type HpkeKeyPair,
    type Ladder,
    parseInstant,
    recipientKeyId,
    slotOfUnix,
    unixOfSlot,
    unwrap,
    type WindowName,
    windowEdges,
} from "@meterseal/core";
import {
    type Evidence,
    encodeEntry,
    type LogLeaf,
    leafHash,
    MerkleLog,
    originOf,
    recordLeafHash,
    signCheckpoint,
} from "@meterseal/ledger";
import {
    EVENT_KIND,
    EVENT_REASON,
    encodeEvent,
    FLAG,
    type MeterRecord,
    NOTICE_KIND,
    PARTY_ROLE,
    RECORD_CLASS,
} from "@meterseal/record";
import {
    commitBoundaries,
    compactAddresses,
    coverBody,
    differenceBody,
    encodeFlags,
    type Flag,
    GRANT_KIND,
    type Grant,
    type GrantKeys,
    type GrantTerms,
    keyBody,
    newSealState,
    type OwnerKeys,
    openGrant,
    ownerKeys,
    parseGrant,
    planBoundaries,
    sealBoundaries,
    sealGrant,
    type TreeAddress,
} from "@meterseal/seal";
import { testBytes, testSigner } from "@meterseal/testkit/keys";
import { TestParty } from "@meterseal/testkit/parties";
import { TestChain, TestCollector, type TestMeter, TestNetwork } from "@meterseal/testkit/records";
import { weightedStreetBody, ZONE } from "./street-tariff.ts";

const SLOT_SECONDS = 1800;
/** First and last boundary: twelve days with the begin of summer time on the fifth. */
export const FROM = "2013-03-27";
export const TO = "2013-04-08";
/** The second device takes over in the middle of a day. */
const EXCHANGE = "2013-04-03T10:10";
const GROUPS = [
    { group: 0, channels: 1 as const },
    { group: 1, channels: 1 as const },
];
const MASTER = testBytes("street master", 32);

export const at = (text: string): number => unwrap(parseInstant(text, ZONE));

/** What a grant of the street says; the rest has a value that fits. */
export type Wish = Partial<
    Pick<
        GrantTerms,
        "kind" | "level" | "window" | "groups" | "issuedUnix" | "leaseEndUnix" | "tariffHash"
    >
> & {
    readonly from?: string;
    readonly to?: string;
    readonly recipient?: TestParty;
    /** Records that the household had when it weighed them; all unless given. */
    readonly seenRecords?: number;
};

/** A home with a meter that was exchanged, its household, a provider, and the log of it all. */
export class Street {
    readonly ladder: Ladder = unwrap(createLadder(ZONE, SLOT_SECONDS));
    readonly network = new TestNetwork("street");
    readonly records: MeterRecord[] = [];
    /** What the metering point counted since the first boundary, by slot: import and export. */
    readonly counted = new Map<number, readonly bigint[]>();
    readonly items: Uint8Array[] = [];
    readonly #batches: { readonly item: number; readonly records: readonly MeterRecord[] }[] = [];
    readonly #statements: number[] = [];
    readonly #enrolments: number[] = [];
    collector!: TestCollector;
    meters!: readonly [TestMeter, TestMeter];
    household!: TestParty;
    provider!: TestParty;
    keyPair!: HpkeKeyPair;

    /** Groups that its records commit to. */
    readonly #committed: number;

    private constructor(committed: number) {
        this.#committed = committed;
    }

    /** @param committed - groups, the first ones, that the meter commits to. */
    static async build(committed = 0): Promise<Street> {
        const street = new Street(committed);
        await street.#enrol();
        await street.#measure();
        return street;
    }

    get subject(): Uint8Array {
        return this.meters[0].subject;
    }

    async #enrol(): Promise<void> {
        const { network } = this;
        const signer = testSigner("street collector", "edDsa");
        const enrolled = await network.collector("street collector", { key: signer.publicKey });
        this.collector = new TestCollector(network, signer, enrolled.enrolment);
        const descriptor = {
            ...{ zone: ZONE, slotSeconds: SLOT_SECONDS },
            ...(this.#committed === 0 ? {} : { committed: this.#committed }),
        };
        const groups = GROUPS.map(({ group }) => group);
        const first = await network.meter("home", { descriptor, groups });
        const second = await network.meter("home", {
            groups,
            signer: testSigner("home, second device"),
            descriptor: { ...descriptor, sealEpoch: 1 },
            payload: { epoch: 1 },
        });
        this.meters = [first, second];
        for (const each of [enrolled, first, second]) {
            this.#enrolments.push(this.items.push(each.enrolment.message.bytes) - 1);
        }
        this.keyPair = unwrap(await generateHpkeKeyPair(1));
        this.household = await TestParty.make(network, "household", {
            payload: { streams: [first.descriptor.stream] },
        });
        this.provider = await TestParty.make(network, "provider", {
            payload: { role: PARTY_ROLE.provider },
        });
        this.say(this.household.party.message.bytes);
    }

    /** Puts a party or notice into the log and into the evidence. */
    say(bytes: Uint8Array): void {
        this.#statements.push(this.items.push(bytes) - 1);
    }

    keysOf(sealEpoch: number): OwnerKeys {
        const { stream } = this.meters[0].descriptor;
        const about = { streamId: stream, suite: 1, slotSeconds: SLOT_SECONDS, groups: GROUPS };
        return unwrap(ownerKeys(MASTER, { ...about, sealEpoch }));
    }

    async #measure(): Promise<void> {
        const [first, last] = [FROM, TO].map((text) => slotOfUnix(at(text), SLOT_SECONDS));
        const change = slotOfUnix(at(EXCHANGE), SLOT_SECONDS);
        const chains = this.meters.map((meter) => new TestChain(meter)) as [TestChain, TestChain];
        const counted = [0n, 0n];
        const offsets = [
            [1_000n, 50n],
            [7n, 3n],
        ] as const;
        const base = [0n, 0n];
        const step = (slot: number): void => {
            counted[0] = (counted[0] ?? 0n) + BigInt((slot * 37) % 900);
            counted[1] = (counted[1] ?? 0n) + BigInt((slot * 11) % 70);
        };
        const registers = (epoch: 0 | 1): bigint[] =>
            counted.map((n, i) => n - (base[i] ?? 0n) + (offsets[epoch][i] ?? 0n));
        let state = newSealState(0);
        for (const epoch of [0, 1] as const) {
            const [begin, end] = epoch === 0 ? [first ?? 0, change] : [change + 1, last ?? 0];
            for (let slot = begin; slot <= end; ) {
                const next = Math.min(this.ladder.nextOf(slot, 2), end + 1);
                const rows: bigint[] = [];
                const flags: Flag[] = [];
                for (let each = slot; each < next; each++) {
                    if (each !== first) step(each);
                    flags.push(each % 61 === 0 ? FLAG.missing : each % 47 === 0 ? FLAG.late : 0);
                    rows.push(...registers(epoch));
                    this.counted.set(each, [...counted]);
                }
                const plan = unwrap(planBoundaries(state, this.ladder, slot, next - slot));
                state = plan.state;
                const { addresses } = plan;
                const bytes = unwrap(
                    sealBoundaries(this.keysOf(epoch), { addresses, registers: rows }),
                );
                const about = unwrap(compactAddresses(SLOT_SECONDS, slot, addresses));
                const values = { mode: "sealed" as const, bytes };
                const body = {
                    ...{ ...about, values, flags: encodeFlags(flags) },
                    ...this.#commitments(epoch, addresses, rows),
                };
                const timeUnix = unixOfSlot(next, SLOT_SECONDS);
                this.records.push(await chains[epoch].usage(body, { timeUnix }));
                slot = next;
            }
            if (epoch === 0) {
                this.records.push(await this.#event(chains[0], 0, registers(0)));
                for (const [i, n] of counted.entries()) base[i] = n;
                this.records.push(await this.#event(chains[1], 1, registers(1)));
                state = newSealState(1);
            }
        }
        for (let i = 0; i < this.records.length; i += 3) {
            const made = await this.collector.vertex(this.records.slice(i, i + 3));
            const item = this.items.push(made.vertex.message.bytes) - 1;
            this.#batches.push({ item, records: made.records });
        }
    }

    #event(chain: TestChain, epoch: 0 | 1, registers: bigint[]): Promise<MeterRecord> {
        const addresses = [{ level: 4 as const, index: 0 }];
        const bytes = unwrap(sealBoundaries(this.keysOf(epoch), { addresses, registers }));
        const closing = this.records.at(-1)?.message.hash as Uint8Array;
        const body = encodeEvent({
            stream: this.meters[0].descriptor.stream,
            sealEpoch: epoch,
            kind: epoch === 0 ? EVENT_KIND.closing : EVENT_KIND.opening,
            reason: EVENT_REASON.exchange,
            atUnix: at(EXCHANGE),
            index: 0,
            groups: GROUPS.map(({ group }) => group),
            values: { mode: "sealed", bytes },
            ...this.#commitments(epoch, addresses, registers),
            ...(epoch === 0 ? {} : { before: { sealEpoch: 0, closing } }),
        });
        return chain.other(RECORD_CLASS.billing, body, { timeUnix: at(EXCHANGE) + 1 });
    }

    #commitments(epoch: 0 | 1, addresses: readonly TreeAddress[], registers: bigint[]) {
        if (this.#committed === 0) return {};
        const boundaries = { addresses, registers };
        return {
            commitments: unwrap(commitBoundaries(this.keysOf(epoch), this.#committed, boundaries)),
        };
    }

    /** A grant to the provider with its notice in the log, and what the provider opens from it. */
    async grant(wish: Wish, announce = true): Promise<{ grant: Grant; keys: GrantKeys }> {
        const [first] = this.meters;
        const { from = FROM, kind = GRANT_KIND.K, recipient, seenRecords, to = TO, ...more } = wish;
        const [fromUnix, toUnix] = [at(from), at(to)];
        const change = at(EXCHANGE);
        const spans = [
            { sealEpoch: 0, fromUnix, toUnix: Math.min(change, toUnix) },
            { sealEpoch: 1, fromUnix: Math.max(change, fromUnix), toUnix },
        ].filter((span) => span.fromUnix < span.toUnix);
        const terms: GrantTerms = {
            network: this.network.networkId,
            grantId: testBytes(`grant ${JSON.stringify([from, to, kind, more])}`, 16),
            household: this.household.party.id,
            subject: first.subject,
            streamId: first.descriptor.stream,
            spans,
            groups: [0, 1],
            kind,
            fromUnix,
            toUnix,
            recipient: (recipient ?? this.provider).party.id,
            recipientKeyId: recipientKeyId(this.keyPair.publicKey),
            issuedUnix: at(FROM),
            zone: ZONE,
            slotSeconds: SLOT_SECONDS,
            scale: 0,
            hpkeSuite: 1,
            sealSuite: 1,
            streamGroups: GROUPS.map(({ group }) => group),
            ...(kind === GRANT_KIND.K ? { level: 2 } : {}),
            ...(kind === GRANT_KIND.D || kind === GRANT_KIND.E ? { window: "day" as const } : {}),
            ...more,
        };
        const body = this.#body(terms, seenRecords);
        const { publicKey } = this.keyPair;
        const bytes = unwrap(await sealGrant(this.household.signer, terms, publicKey, body));
        const grant = unwrap(parseGrant(bytes));
        if (announce) await this.announce(grant, NOTICE_KIND.grant);
        return { grant, keys: unwrap(await openGrant(grant, this.keyPair)) };
    }

    /** The household says of a grant that it was issued, or that it is revoked. */
    async announce(grant: Grant, kind: 1 | 2): Promise<void> {
        const notice = await this.household.notice({ kind, hash: grant.message.hash });
        this.say(notice.message.bytes);
    }

    #body(terms: GrantTerms, seenRecords: number | undefined): Uint8Array {
        const ends = {
            close: { sealEpoch: 0, level: 4 as const, index: 0 },
            open: { sealEpoch: 1, level: 4 as const, index: 0 },
        };
        const epochs = terms.spans.map((span, i) => ({
            span,
            owner: this.keysOf(span.sealEpoch),
            committed: this.#committed,
            ...(i === 0 ? {} : { ends }),
        }));
        const { window = "day" } = terms;
        if (terms.kind === GRANT_KIND.K) return unwrap(coverBody(terms, this.ladder, epochs));
        if (terms.kind === GRANT_KIND.W) {
            const seen = this.records.slice(0, seenRecords);
            return weightedStreetBody(terms, epochs, seen, this.#committed);
        }
        const edges = this.edges(window, terms.fromUnix, terms.toUnix);
        const windows = edges.slice(1).map((edge, i) => ({
            fromUnix: unixOfSlot(edges[i] as number, SLOT_SECONDS),
            toUnix: unixOfSlot(edge, SLOT_SECONDS),
        }));
        const make = terms.kind === GRANT_KIND.E ? keyBody : differenceBody;
        return unwrap(make(terms, this.ladder, epochs, windows));
    }

    edges(window: WindowName, fromUnix: number, toUnix: number): readonly number[] {
        const [from, to] = [fromUnix, toUnix].map((unix) => slotOfUnix(unix, SLOT_SECONDS));
        return unwrap(windowEdges(this.ladder, window, from ?? 0, to ?? 0, 10_000)).edges;
    }

    /** What was counted between two instants. */
    between(fromUnix: number, toUnix: number): bigint[] {
        const [from, to] = [fromUnix, toUnix].map((unix) =>
            this.counted.get(slotOfUnix(unix, SLOT_SECONDS)),
        );
        return (to ?? []).map((n, i) => n - (from?.[i] ?? 0n));
    }

    /**
     * Evidence of some records, all unless given, by the checkpoint of a size.
     * @param since - size of an earlier tree from which growth is proven.
     */
    async evidence(
        records: readonly MeterRecord[] = this.records,
        { size = this.items.length, since }: { size?: number; since?: number } = {},
    ): Promise<Evidence> {
        const { network } = this;
        const entries = this.items.map((item, i) =>
            encodeEntry({ timeMs: (at(TO) + 86_400) * 1000 + i, item }),
        );
        const log = MerkleLog.of(entries.map(leafHash));
        const leaf = (index: number): LogLeaf => ({
            index,
            entry: entries[index] as Uint8Array,
            path: log.inclusionPath(index, size),
        });
        const origin = originOf(network.networkId);
        const root = log.root(size);
        const growth = since === undefined ? null : log.consistencyPath(since, size);
        return {
            genesis: network.genesis,
            checkpoint: await signCheckpoint(network.logSigner, origin, size, root),
            enrolments: this.#enrolments.map(leaf),
            vertices: this.#batches.map(({ item }) => leaf(item)),
            records: records.flatMap((record) => {
                const vertex = this.#batches.findIndex((batch) => batch.records.includes(record));
                const batch = this.#batches[vertex]?.records ?? [];
                const position = batch.indexOf(record);
                const path = MerkleLog.of(batch.map(recordLeafHash)).inclusionPath(position);
                return [{ bytes: record.message.bytes, vertex, position, path }];
            }),
            statements: this.#statements.filter((index) => index < size).map(leaf),
            ...(growth === null ? {} : { growth: { fromSize: since ?? 0, path: growth } }),
        };
    }

    /** Head of the log at a size. */
    head(size: number = this.items.length): { size: number; root: Uint8Array } {
        const entries = this.items.map((item, i) =>
            encodeEntry({ timeMs: (at(TO) + 86_400) * 1000 + i, item }),
        );
        return { size, root: MerkleLog.of(entries.map(leafHash)).root(size) };
    }
}
