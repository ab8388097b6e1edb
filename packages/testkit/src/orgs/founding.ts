import { assert, type PublicKey, type Signer, utf8 } from "@meterseal/core";
import { formatGenesisState } from "@meterseal/engines/cometbft";
import { STREAM_MODE } from "@meterseal/record";
import { testBytes, testSigner } from "../keys.ts";
import { TestCollector, type TestMeter, TestNetwork } from "../records.ts";
import { SignatureMemory } from "./signature-memory.ts";

/** How many of each take part, in every seed. */
export const ORGANISATIONS = 4;
export const COLLECTORS = 12;
export const METERS = 200;

const ZONES = ["Europe/London", "Asia/Kolkata", "America/New_York", "Australia/Lord_Howe"] as const;

/** The members of a network and what its validators begin with: the same for every seed. */
export type Founding = {
    readonly network: TestNetwork;
    readonly collectors: readonly TestCollector[];
    readonly meters: readonly TestMeter[];
    /** `app_state` of CometBFT's genesis. */
    readonly appState: Uint8Array;
    /** Ed25519 keys of the validators, one of each organisation. */
    readonly validators: readonly Uint8Array[];
    /** Remembers the enrolments as well signed. */
    readonly signatures: SignatureMemory;
};

const founded = new Map<number, Promise<Founding>>();

/** Members of a network of open or of sealed streams; made once in a process. */
export function foundingOf(mode: number): Promise<Founding> {
    const known = founded.get(mode) ?? found(mode);
    founded.set(mode, known);
    return known;
}

async function found(mode: number): Promise<Founding> {
    const network = new TestNetwork(`organisations ${mode}`, mode);
    const collectors: TestCollector[] = [];
    for (let i = 0; i < COLLECTORS; i++) {
        const signer = testSigner(`collector ${i} of organisations`, "edDsa");
        const { enrolment } = await network.collector(`organisations ${i}`, {
            key: signer.publicKey,
        });
        collectors.push(new TestCollector(network, signer, enrolment));
    }
    const meters: TestMeter[] = [];
    for (let i = 0; i < METERS; i++) {
        const name = `meter ${i} of organisations`;
        const zone = ZONES[i % ZONES.length] ?? ZONES[0];
        const descriptor = { groups: i % 4 === 3 ? [0, 1] : [0], zone };
        meters.push(await network.meter(name, { signer: testSigner(name, "edDsa"), descriptor }));
    }
    const signatures = new SignatureMemory();
    for (const { enrolment } of [...collectors, ...meters]) {
        assert(signatures.check(enrolment.message, network.operator.publicKey), "an enrolment");
    }
    const entries = [...collectors, ...meters].map(({ enrolment }) => enrolment.message.bytes);
    const state = formatGenesisState({ genesis: network.genesis, entries });
    return {
        network,
        signatures,
        collectors,
        meters,
        appState: utf8(JSON.stringify(state)),
        validators: Array.from({ length: ORGANISATIONS }, (_, i) =>
            testBytes(`validator ${i} of organisations`, 32),
        ),
    };
}

/** Master secret of a meter's stream; null for an open one. */
export function masterOf(mode: number, index: number): Uint8Array | null {
    return mode === STREAM_MODE.sealed ? testBytes(`master of meter ${index}`, 32) : null;
}

/** Somebody who is enrolled nowhere. */
export function stranger(): { readonly signer: Signer; readonly publicKey: PublicKey } {
    const signer = testSigner("a stranger to the organisations", "edDsa");
    return { signer, publicKey: signer.publicKey };
}
