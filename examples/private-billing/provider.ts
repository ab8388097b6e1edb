import { generateHpkeKeyPair, HPKE_SUITE, unwrap } from "@meterseal/core";
import { checkGrant, type Grant, type KeySource, openDifference, openGrant } from "@meterseal/seal";
import { type Home, newSigner, type Recipient, random } from "./home.ts";
import type { Store } from "./store.ts";

/** Somebody whom homes grant sums to. */
export class Provider {
    readonly name: string;
    /** Profile that it asks for. */
    readonly profile: string;
    readonly party: Recipient;
    readonly #keys = new Map<Home, KeySource>();

    private constructor(name: string, profile: string, party: Recipient) {
        this.name = name;
        this.profile = profile;
        this.party = party;
    }

    static async create(name: string, profile: string): Promise<Provider> {
        const pair = unwrap(await generateHpkeKeyPair(HPKE_SUITE.x25519));
        const recipients = [{ suite: pair.suite, bytes: pair.publicKey }];
        const key = newSigner().publicKey;
        return new Provider(name, profile, { id: random(16), key, recipients, pair });
    }

    get homes(): readonly Home[] {
        return [...this.#keys.keys()];
    }

    /** Checks a grant as it would against the ledger, and opens it. */
    async accept(home: Home, grant: Grant): Promise<void> {
        unwrap(
            checkGrant(grant, {
                network: home.key.network,
                household: {
                    id: home.party.id,
                    key: home.party.signer.publicKey,
                    streams: [home.key.stream.streamId],
                },
                recipient: this.party.id,
                notice: { grantHash: grant.message.hash, revokedUnix: null },
                nowUnix: grant.issuedUnix,
            }),
        );
        const opened = unwrap(await openGrant(grant, this.party.pair));
        const [span] = opened.form === "keys" ? opened.spans : [];
        if (span === undefined) throw new Error("a grant of keys");
        this.#keys.set(home, span.keys);
    }

    /** Instants whose registers it can subtract: it tries every boundary that the store has. */
    opens(home: Home, store: Store): number[] {
        const keys = this.#keys.get(home);
        const boundaries = store.boundaries(home.key.stream.streamId);
        if (keys === undefined) return [];
        return boundaries
            .filter(({ address: { index, level } }) => keys.keysOf(0, level, [index]).ok)
            .map(({ atUnix }) => atUnix);
    }

    /** The energy of a home between two instants, from the store's sealed sum and its keys. */
    readWh(home: Home, store: Store, fromUnix: number, toUnix: number): bigint {
        const keys = this.#keys.get(home);
        if (keys === undefined) throw new Error("a home that granted");
        const { difference, from, to } = store.sum(home.key.stream.streamId, fromUnix, toUnix);
        return unwrap(openDifference(keys, 0, from, to, difference))[0] ?? 0n;
    }
}
