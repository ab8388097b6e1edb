import { type Clock, type MeterLink, type PublicKey, type Signer, unwrap } from "@meterseal/core";
import { generatePrivateKeyPem, signerFromPem } from "@meterseal/core/node";
import { createLinkToken, MeterAgent, type MeterProfile } from "@meterseal/meter";
import { createEnrolment, parseEnrolment, ROLE, STREAM_MODE } from "@meterseal/record";
import { MASTER_BYTES } from "@meterseal/seal";
import { MemoryMeterStore } from "@meterseal/stores/memory";
import { systemRandom, systemTimers } from "../clocks.ts";
import type { ReplayHome } from "../fleet/home.ts";

/** What a meter can do by itself (the fourth paper): be observed, sign, write into the ledger. */
export type MeterClass = 1 | 2 | 3;

/** How a simulated meter is made. */
export type MeterPlan = {
    readonly meterClass: MeterClass;
    /** STREAM_MODE. */
    readonly mode: number;
    readonly home: ReplayHome;
};

/** Where a meter sends: its link to a collector, and whose receipts it believes. */
export type MeterDoor = {
    readonly collectorKey: PublicKey;
    readonly link: (subjectHex: string, token: () => Promise<Uint8Array>) => MeterLink;
};

/** A meter of a real home, with its memory here; it may go from one collector to another. */
export class SimulatedMeter {
    readonly plan: MeterPlan;
    readonly subject: Uint8Array = systemRandom.bytes(16);
    /** Of a meter of class 1 its gateway's: the meter itself signs nothing. */
    readonly #signer: Signer = signerFromPem(generatePrivateKeyPem("es256"));
    readonly #master: Uint8Array | null;
    readonly #stream: Uint8Array = systemRandom.bytes(16);
    #store = new MemoryMeterStore();
    #profile: Omit<MeterProfile, "collectorKey"> | null = null;
    #agent: MeterAgent | null = null;

    constructor(plan: MeterPlan) {
        this.plan = plan;
        this.#master = plan.mode === STREAM_MODE.open ? null : systemRandom.bytes(MASTER_BYTES);
    }

    get agent(): MeterAgent {
        if (this.#agent === null) throw new Error("a meter that is connected");
        return this.#agent;
    }

    /** The enrolment that admits it, signed by the operator: a gateway's key makes it "observed". */
    async enrolment(operator: Signer, network: Uint8Array, timeUnix: number): Promise<Uint8Array> {
        const { home, meterClass, mode } = this.plan;
        const stream = {
            ...{ stream: this.#stream, sealEpoch: 0, suite: 1, zone: home.zone, mode, scale: 0 },
            ...{ slotSeconds: home.series.slotSeconds, groups: home.groups },
        };
        const bytes = await createEnrolment(operator, {
            ...{ network, timeUnix, id: this.subject, key: this.#signer.publicKey, epoch: 0 },
            role: meterClass === 1 ? ROLE.gateway : ROLE.meter,
            streams: [stream],
        });
        const anchor = unwrap(parseEnrolment(bytes)).message.hash;
        this.#profile = { network, subject: this.subject, chainEpoch: 0, anchor, stream };
        return bytes;
    }

    /** Goes to a collector, from another one too: what is not final is sent again. */
    async connect({ collectorKey, link }: MeterDoor, clock: Clock): Promise<void> {
        const profile = this.#profile;
        if (profile === null) throw new Error("an enrolled meter");
        await this.#agent?.close();
        this.#store = this.#store.crash();
        const { network, subject } = profile;
        this.#agent = await MeterAgent.open({
            ...{ signer: this.#signer, master: this.#master, store: this.#store, clock },
            profile: { ...profile, collectorKey },
            link: link(subject.toHex(), () =>
                createLinkToken(this.#signer, network, subject, clock),
            ),
            timers: systemTimers,
            log: { info: () => undefined, warn: () => undefined },
            source: "intervals",
        });
        await this.#agent.connect();
    }
}
