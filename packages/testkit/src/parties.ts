import { type Signer, unwrap } from "@meterseal/core";
import {
    createNotice,
    createParty,
    createTariff,
    encodeCbor,
    NOTICE_KIND,
    type Notice,
    type NoticeContent,
    type NoticePayload,
    PARTY_ROLE,
    type Party,
    type PartyPayload,
    parseNotice,
    parseParty,
    parseTariff,
    RECIPIENT_SUITE,
    type TariffMessage,
    type TariffPayload,
} from "@meterseal/record";
import { testBytes, testSigner } from "./keys.ts";
import { TEST_START_UNIX, type TestNetwork } from "./records.ts";

/** What {@link TestParty.make} takes; what is left out has a value that fits. */
export type TestPartyOptions = {
    readonly signer?: Signer;
    /** Who signs the party; the operator unless given. */
    readonly by?: Signer;
    readonly payload?: Partial<PartyPayload>;
};

/** A household, provider or monitor of a test network. */
export class TestParty {
    readonly network: TestNetwork;
    readonly signer: Signer;
    readonly party: Party;

    private constructor(network: TestNetwork, signer: Signer, party: Party) {
        this.network = network;
        this.signer = signer;
        this.party = party;
    }

    /** A party of a name, a household unless its payload says otherwise. */
    static async make(
        network: TestNetwork,
        name: string,
        options: TestPartyOptions = {},
    ): Promise<TestParty> {
        const signer = options.signer ?? testSigner(`party ${name}`, "edDsa");
        const payload: PartyPayload = {
            network: network.networkId,
            role: PARTY_ROLE.household,
            id: testBytes(`party ${name}`, 16),
            key: signer.publicKey,
            timeUnix: TEST_START_UNIX,
            keyEpoch: 0,
            streams: [],
            recipients: [
                { suite: RECIPIENT_SUITE.x25519, bytes: testBytes(`recipient ${name}`, 32) },
            ],
            name,
            ...options.payload,
        };
        const bytes = await createParty(options.by ?? network.operator, payload);
        return new TestParty(network, signer, unwrap(parseParty(bytes)));
    }

    /** The same party under a new key, one key epoch later unless its payload says otherwise. */
    async rotate(options: TestPartyOptions = {}): Promise<TestParty> {
        const { message: _, ...before } = this.party;
        const signer =
            options.signer ?? testSigner(`${before.name} ${before.keyEpoch + 1}`, "edDsa");
        return await TestParty.make(this.network, before.name, {
            ...options,
            signer,
            payload: {
                ...before,
                key: signer.publicKey,
                keyEpoch: before.keyEpoch + 1,
                ...options.payload,
            },
        });
    }

    /** A notice of this party. */
    async notice(
        content: NoticeContent,
        changes: Partial<Pick<NoticePayload, "network" | "party" | "timeUnix">> = {},
        signer: Signer = this.signer,
    ): Promise<Notice> {
        const place = { network: this.network.networkId, party: this.party.id };
        const payload = { ...place, timeUnix: TEST_START_UNIX, ...content, ...changes };
        return unwrap(parseNotice(await createNotice(signer, payload)));
    }

    /** A notice of a grant, named by any text. */
    grant(name: string): Promise<Notice> {
        return this.notice({ kind: NOTICE_KIND.grant, hash: testBytes(`grant ${name}`, 32) });
    }

    /** A tariff of this party. */
    async tariff(changes: Partial<TariffPayload> = {}): Promise<TariffMessage> {
        const payload = {
            network: this.network.networkId,
            party: this.party.id,
            timeUnix: TEST_START_UNIX,
            body: encodeCbor(["tariff", 1]),
            ...changes,
        };
        return unwrap(parseTariff(await createTariff(this.signer, payload)));
    }
}
