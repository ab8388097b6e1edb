import { error, toHex } from "@meterseal/core";
import { createRevocation, ROLE } from "@meterseal/record";
import { type Registry, requireOperatorKey } from "./enrolment.ts";

/** A member that was removed from a network. */
export type Removal = {
    /** Subject of a meter, author id of a collector; 16 bytes, hexadecimal. */
    readonly id: string;
    readonly role: "meter" | "gateway" | "collector";
    /** Network id, 32 bytes, hexadecimal. */
    readonly network: string;
};

/**
 * Removes a meter, a gateway's metering point or a collector for good; resolves once that is final. The
 * same again gives the same answer.
 * @param id 16 bytes.
 * @throws MetersealError MS_ENROLMENT for an id that is not enrolled, MS_NOT_ALLOWED where another
 * organisation holds the operator's key.
 */
export async function removeMember(
    { clock, engine, identity }: Registry,
    id: Uint8Array,
): Promise<Removal> {
    const { networkId: network, revoked, subjects } = engine.state;
    const name = toHex(id);
    const member = subjects.get(name);
    if (member === undefined) {
        throw error("MS_ENROLMENT", { where: name, expected: "an enrolled meter or collector" });
    }
    if (!revoked.has(name)) {
        const timeUnix = Math.floor(clock.nowMs() / 1000);
        const operator = requireOperatorKey(identity);
        await engine.submit(await createRevocation(operator, { network, id, timeUnix }), []);
    } else await engine.settled();
    const role = ROLE_NAMES[member.role] ?? "meter";
    return { id: name, role, network: toHex(network) };
}

const ROLE_NAMES: Readonly<Record<number, Removal["role"]>> = {
    [ROLE.collector]: "collector",
    [ROLE.gateway]: "gateway",
};
