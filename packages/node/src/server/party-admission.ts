import { bytesEqual, error, toHex, unwrap } from "@meterseal/core";
import { createParty, encodeCbor, kidOf, type Party, parseParty } from "@meterseal/record";
import type { PartyAnswer, PartyRequest } from "../party/exchange.ts";
import { type Registry, requireOperatorKey } from "./enrolment.ts";

/**
 * Admits a party, or replaces what an earlier request said of it (a later key epoch); resolves, once
 * that is final, with what lets the party check it offline. The same request twice gives the same
 * answer.
 * @throws MetersealError MS_PARTY as `accept()` says, or for another request in the same key epoch.
 */
export async function admitParty(registry: Registry, request: PartyRequest): Promise<PartyAnswer> {
    const { clock, engine, genesis, identity } = registry;
    const network = engine.state.networkId;
    const known = engine.state.parties.get(toHex(request.id));
    if (known?.keyEpoch === request.keyEpoch) {
        if (isSame(known, request)) {
            await engine.settled();
            return { network, genesis, party: known.message.bytes };
        }
        throw error("MS_PARTY", {
            where: `party ${toHex(request.id)}`,
            expected: "the request that was admitted before, or a later key epoch",
            todo: "A change takes a request of its own: meterseal party rotate --help",
        });
    }
    const timeUnix = Math.floor(clock.nowMs() / 1000);
    const bytes = await createParty(requireOperatorKey(identity), {
        ...request,
        network,
        timeUnix,
    });
    unwrap(parseParty(bytes));
    await engine.submit(bytes, []);
    return { network, genesis, party: bytes };
}

function isSame(known: Party, request: PartyRequest): boolean {
    const facts = ({ recipients, role, streams, name }: PartyRequest): Uint8Array =>
        encodeCbor([
            role,
            [...streams],
            recipients.map(({ suite, bytes }) => [suite, bytes]),
            name,
        ]);
    return (
        bytesEqual(kidOf(known.key), kidOf(request.key)) && bytesEqual(facts(known), facts(request))
    );
}
