import { bytesEqual, type Clock, error, type PublicKey, type Signer, toHex } from "@meterseal/core";
import type { LedgerState } from "@meterseal/ledger";
import {
    createEnrolment,
    type Enrolment,
    kidOf,
    ROLE,
    type StreamDescriptor,
} from "@meterseal/record";
import type { EnrolmentAnswer } from "../device/exchange.ts";
import type { CollectorAnswer, CollectorRequest } from "../exchange/admission.ts";
import type { ServerEngine } from "./engine.ts";
import type { ServerIdentity } from "./identity.ts";
import type { EnrolRequest } from "./server.ts";

/** Who admits, and to what. */
export type Registry = {
    readonly engine: ServerEngine;
    readonly identity: ServerIdentity;
    readonly clock: Clock;
    /** Genesis of the network. */
    readonly genesis: Uint8Array;
};

/** Admits the server's own collector where the ledger does not know it yet. */
export async function enrolCollector(registry: Registry): Promise<void> {
    const { author: id, collector } = registry.identity;
    const { state } = registry.engine;
    // An enrolment that waits for witnesses since before the start holds no start up.
    if (state.authors.has(toHex(id))) requireEnrolledKey(state, id, collector.publicKey);
    else await admitCollector(registry, { id, key: collector.publicKey, network: state.networkId });
}

/**
 * Admits a collector; resolves with its enrolment once that is final. The same request twice gives the
 * same answer.
 * @throws MetersealError MS_NETWORK for another network, MS_ENROLMENT for another key of a known one.
 */
export async function admitCollector(
    registry: Registry,
    { id, key, network }: CollectorRequest,
): Promise<CollectorAnswer> {
    const { state } = registry.engine;
    if (!bytesEqual(network, state.networkId)) {
        const where = `collector ${toHex(id)}`;
        throw error("MS_NETWORK", { where, expected: toHex(state.networkId), got: toHex(network) });
    }
    if (state.authors.has(toHex(id))) await registry.engine.settled();
    else await submit(registry, { role: ROLE.collector, id, key, streams: [], epoch: 0 });
    return { enrolment: requireEnrolledKey(state, id, key).message.bytes };
}

/** The enrolment of a collector. @throws MetersealError MS_ENROLMENT where it has another key. */
function requireEnrolledKey(state: LedgerState, id: Uint8Array, key: PublicKey): Enrolment {
    const enrolment = state.authors.get(toHex(id))?.enrolment;
    if (enrolment !== undefined && bytesEqual(kidOf(enrolment.key), kidOf(key))) return enrolment;
    throw error("MS_ENROLMENT", {
        where: `collector ${toHex(id)}`,
        expected: "its enrolled key",
    });
}

/**
 * Admits a meter; resolves, once that is final, with what lets the meter check it offline. The same
 * request twice gives the same answer.
 * @throws MetersealError MS_ENROLMENT for another key of an enrolled meter in its chain epoch, or a
 * later epoch of a meter that is not enrolled.
 */
export async function enrolMeter(
    registry: Registry,
    request: EnrolRequest,
): Promise<EnrolmentAnswer> {
    const { engine, genesis, identity } = registry;
    const subject = toHex(request.subject);
    const known = engine.state.subjects.get(subject);
    const { chainEpoch: epoch = 0, key, streams, subject: id } = request;
    const role = roleOf(request);
    const where = `meter ${subject}`;
    if (known === undefined && epoch > 0) {
        const todo = "Is this the server where the old device is enrolled?";
        throw error("MS_ENROLMENT", { where, expected: "an enrolled meter to follow", todo });
    }
    if (known === undefined || !bytesEqual(kidOf(known.key), kidOf(key))) {
        if (known !== undefined && epoch <= known.epoch) {
            throw error("MS_ENROLMENT", {
                where,
                expected: `its enrolled key ${toHex(kidOf(known.key))}, or a later chain epoch`,
                got: `key ${toHex(kidOf(key))}`,
                todo: "Put the meter's own key file back, or exchange it: meterseal meter exchange --help",
            });
        }
        await submit(registry, { role, id, key, streams, epoch });
    } else await engine.settled();
    const enrolled = engine.state.subjects.get(subject);
    const author = engine.state.authors.get(toHex(identity.author));
    if (enrolled === undefined || author === undefined) throw error("MS_INTERNAL", { where });
    return {
        network: engine.state.networkId,
        genesis,
        enrolment: enrolled.message.bytes,
        collector: author.enrolment.message.bytes,
    };
}

/** Role of the key of a metering point: its own meter's, or a gateway's that observes it. */
export function roleOf({ observed }: Pick<EnrolRequest, "observed">): number {
    return observed === true ? ROLE.gateway : ROLE.meter;
}

/**
 * The operator's key, where this server holds it.
 * @throws MetersealError MS_NOT_ALLOWED where another organisation does.
 */
export function requireOperatorKey({ operator }: ServerIdentity): Signer {
    if (operator !== null) return operator;
    throw error("MS_NOT_ALLOWED", {
        where: "this server",
        expected: "a server that holds the operator's key",
        todo: "Ask the operator of the network to admit it; then ask here again.",
    });
}

type NewMember = {
    readonly role: number;
    readonly id: Uint8Array;
    readonly key: PublicKey;
    readonly streams: readonly StreamDescriptor[];
    /** First chain epoch of the key. */
    readonly epoch: number;
};

async function submit({ clock, engine, identity }: Registry, member: NewMember): Promise<void> {
    const bytes = await createEnrolment(requireOperatorKey(identity), {
        ...member,
        network: engine.state.networkId,
        timeUnix: Math.floor(clock.nowMs() / 1000),
    });
    await engine.submit(bytes, []);
}
