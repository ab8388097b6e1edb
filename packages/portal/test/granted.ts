import { recipientKeyId, toBase64, toHex, unwrap } from "@meterseal/core";
import { encodeCbor, RECIPIENT_SUITE } from "@meterseal/record";
import { GRANT_KIND, parseGrant, sealGrant } from "@meterseal/seal";
import { testBytes } from "@meterseal/testkit/keys";
import type { TestParty } from "@meterseal/testkit/parties";
import { TestNetwork } from "@meterseal/testkit/records";
import { type IssuedGrant, type KeyFile, releasedOf } from "@meterseal/wallet";
import { ladderOf } from "../src/household/vault/sharing/issued.ts";
import { ZONE } from "./series.ts";

/** Network of the home that grants. */
export const NETWORK = new TestNetwork("recipients");

/** Key of the home that grants. */
export const HOME_KEY: KeyFile = {
    name: "home",
    network: NETWORK.networkId,
    meter: testBytes("subject home", 16),
    stream: {
        streamId: testBytes("stream home", 16),
        sealEpoch: 0,
        suite: 1,
        slotSeconds: 1800,
        groups: [{ group: 0, channels: 1 }],
    },
    zone: ZONE,
    scale: 0,
    master: testBytes("master home", 32),
};

/** Daily sums, signed by the home, as its journal has them; what the grant seals opens nothing. */
export async function dailyGrant(
    home: TestParty,
    { party }: TestParty,
    fromUnix: number,
    toUnix: number,
): Promise<IssuedGrant> {
    const { meter, network, stream } = HOME_KEY;
    const recipientKey = party.recipients[0]?.bytes ?? new Uint8Array(32);
    const terms = {
        ...{ network, household: home.party.id, subject: meter, streamId: stream.streamId },
        ...{ grantId: testBytes(`${party.name} ${fromUnix}`, 16), groups: [0], level: 2 },
        ...{ kind: GRANT_KIND.K, spans: [{ sealEpoch: 0, fromUnix, toUnix }], fromUnix, toUnix },
        ...{ issuedUnix: toUnix, zone: ZONE, slotSeconds: stream.slotSeconds, scale: 0 },
        ...{ recipient: party.id, recipientKeyId: recipientKeyId(recipientKey) },
        ...{ hpkeSuite: RECIPIENT_SUITE.x25519, sealSuite: 1, streamGroups: [0] },
    };
    const body = encodeCbor("nothing");
    const bytes = unwrap(await sealGrant(home.signer, terms, recipientKey, body));
    const grant = unwrap(parseGrant(bytes));
    return {
        hash: toHex(grant.message.hash),
        recipient: toHex(party.id),
        stream: toHex(stream.streamId),
        issuedUnix: toUnix,
        released: releasedOf(grant, ladderOf(HOME_KEY)),
        messages: [toBase64(bytes)],
    };
}
