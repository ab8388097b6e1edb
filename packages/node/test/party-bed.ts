import { join } from "node:path";
import { recipientKeyId, type Signer, unwrap } from "@meterseal/core";
import {
    createNotice,
    encodeCbor,
    MESSAGE_TYPE,
    NOTICE_KIND,
    type NoticeContent,
    PARTY_ROLE,
    parseNotice,
    parseSign1,
    RECIPIENT_SUITE,
} from "@meterseal/record";
import {
    createStandingPolicy,
    GRANT_KIND,
    type GrantTerms,
    parseStandingPolicy,
    sealGrant,
} from "@meterseal/seal";
import { testBytes, testSigner } from "@meterseal/testkit/keys";
import { systemRandom } from "../src/clocks.ts";
import { createDevice } from "../src/device/device.ts";
import type { PartyAccess } from "../src/party/client.ts";
import type { PartyRequest } from "../src/party/exchange.ts";
import type { Server } from "../src/server/server.ts";

/** A party of a test server. */
export type BedParty = PartyAccess & { readonly request: PartyRequest };

/** A request of a party of a name. */
export function requestOf(name: string, changes: Partial<PartyRequest> = {}): PartyRequest {
    return {
        id: testBytes(`party ${name}`, 16),
        key: testSigner(`party ${name}`).publicKey,
        keyEpoch: 0,
        name,
        recipients: [{ suite: RECIPIENT_SUITE.x25519, bytes: testBytes(`recipient ${name}`, 32) }],
        role: PARTY_ROLE.household,
        streams: [],
        ...changes,
    };
}

/** Admits a party of a name. */
export async function admit(
    server: Server,
    name: string,
    changes: Partial<PartyRequest> = {},
): Promise<BedParty> {
    const request = requestOf(name, changes);
    await server.admitParty(request);
    const access = { url: server.httpUrl, network: server.networkId, party: request.id };
    return { ...access, request, signer: testSigner(`party ${name}`) };
}

/** A household with a meter of its own: the meter is enrolled, and its stream is the household's. */
export async function admitHome(server: Server, name: string, scratch: string): Promise<BedParty> {
    const meter = createDevice(join(scratch, `meter of ${name}`), {
        ...{ zone: "Europe/London", slotSeconds: 1800, groups: [0], mode: 0, network: null },
    });
    await server.enrol(meter);
    return await admit(server, name, { streams: meter.streams.map(({ stream }) => stream) });
}

const nowUnix = (): number => Math.floor(Date.now() / 1000);

type Signed = { readonly bytes: Uint8Array; readonly hash: Uint8Array };

/** A grant of a household; what it grants is nothing that could be opened. */
export async function boxMessage(
    from: BedParty,
    to: BedParty,
    changes: Partial<GrantTerms> = {},
): Promise<Signed> {
    const [fromUnix, toUnix] = [1_357_000_200, 1_357_086_600];
    const recipientKey = to.request.recipients[0]?.bytes ?? new Uint8Array(32);
    const terms: GrantTerms = {
        network: from.network,
        grantId: systemRandom.bytes(16),
        household: from.party,
        subject: testBytes("subject", 16),
        streamId: from.request.streams[0] ?? new Uint8Array(16),
        spans: [{ sealEpoch: 0, fromUnix, toUnix }],
        groups: [0],
        kind: GRANT_KIND.K,
        level: 2,
        fromUnix,
        toUnix,
        recipient: to.party,
        recipientKeyId: recipientKeyId(recipientKey),
        issuedUnix: nowUnix(),
        zone: "Europe/London",
        slotSeconds: 1800,
        scale: 0,
        hpkeSuite: RECIPIENT_SUITE.x25519,
        sealSuite: 1,
        streamGroups: [0],
        ...changes,
    };
    const body = encodeCbor("nothing");
    const bytes = unwrap(await sealGrant(from.signer, terms, recipientKey, body));
    return { bytes, hash: unwrap(parseSign1(bytes, MESSAGE_TYPE.grant)).hash };
}

/** A policy of a household: sums of days, a month at a time. */
export async function boxPolicy(from: BedParty, to: BedParty): Promise<Signed> {
    const bytes = await createStandingPolicy(from.signer, {
        ...{ network: from.network, policyId: systemRandom.bytes(16), household: from.party },
        ...{ subject: testBytes("subject", 16), recipient: to.party, issuedUnix: nowUnix() },
        streamId: from.request.streams[0] ?? new Uint8Array(16),
        ...{ groups: [0], kind: GRANT_KIND.K, window: "day", fromUnix: 1_357_000_200 },
        ...{ zone: "Europe/London", slotSeconds: 1800, leasePeriod: "month" },
    });
    return { bytes, hash: unwrap(parseStandingPolicy(bytes)).message.hash };
}

/** A notice of a party. */
export async function noticeOf(
    from: BedParty,
    content: NoticeContent,
    signer: Signer = from.signer,
): Promise<Signed> {
    const place = { network: from.network, party: from.party, timeUnix: nowUnix() };
    const bytes = await createNotice(signer, { ...place, ...content });
    return { bytes, hash: unwrap(parseNotice(bytes)).message.hash };
}

/** A notice that a grant was issued. */
export function grantNotice(from: BedParty, hash: Uint8Array): Promise<{ bytes: Uint8Array }> {
    return noticeOf(from, { kind: NOTICE_KIND.grant, hash });
}
