import { cpSync, readFileSync } from "node:fs";
import { join } from "node:path";
import {
    createLadder,
    parseInstant,
    recipientKeyId,
    toHex,
    unwrap,
    type WindowName,
} from "@meterseal/core";
import { createNotice, NOTICE_KIND } from "@meterseal/record";
import {
    coverBody,
    differenceBody,
    GRANT_KIND,
    type Grant,
    type GrantTerms,
    keyBody,
    ownerKeys,
    parseGrant,
    sealGrant,
} from "@meterseal/seal";
import { type KeyFile, parseKeyFile } from "@meterseal/wallet";
import { expect } from "vitest";
import { systemRandom } from "../src/clocks.ts";
import { PLACES } from "../src/files.ts";
import { postNotice, postToBox } from "../src/party/client.ts";
import { type OwnParty, openParty } from "../src/party/party.ts";
import type { Server } from "../src/server/server.ts";
import { type Outcome, run } from "./command.ts";
import { useFixture } from "./fixture.ts";
import { startQuietServer } from "./quiet-server.ts";

/** Runs a command line that must succeed without a word of an error. */
export async function must(outcome: Promise<Outcome>): Promise<Outcome> {
    const got = await outcome;
    expect([got.code, got.stderr]).toEqual([0, expect.not.stringContaining("MS_")]);
    return got;
}

/** What a household grants; what is left out has a value that fits. */
export type Wish = {
    readonly kind?: GrantTerms["kind"];
    readonly level?: number;
    readonly window?: WindowName;
    readonly from?: string;
    readonly to?: string;
    readonly leaseEndUnix?: number;
};

/** A server with a household that may grant, and two providers: `energy` and `other`. */
export class ProviderBed {
    readonly #scratch: string;
    readonly server: Server;
    readonly keyPath: string;
    readonly key: KeyFile;
    readonly household: OwnParty;

    private constructor(scratch: string, server: Server, keyPath: string, household: OwnParty) {
        this.#scratch = scratch;
        this.server = server;
        this.keyPath = keyPath;
        this.key = unwrap(parseKeyFile(readFileSync(keyPath, "utf8")));
        this.household = household;
    }

    /** Opens a bed on a copy of the fixture's data, in a directory of the test's own. */
    static async open(scratch: string): Promise<ProviderBed> {
        const { finished, names } = await useFixture();
        const dataDir = join(scratch, "data");
        cpSync(finished, dataDir, { recursive: true });
        const server = await startQuietServer(dataDir);
        const keyPath = PLACES.keyFile(dataDir, names[0] ?? "");
        const wallet = join(scratch, "wallet");
        const admit = (directory: string): Promise<Outcome> =>
            must(run("enrol", "--data", dataDir, join(directory, "party-request.json")));
        await must(run("wallet", "init", "--key", keyPath, "--out", wallet));
        await admit(wallet);
        for (const name of ["energy", "other"]) {
            const directory = join(scratch, name);
            await must(run("provider", "init", "--name", name, "--out", directory));
            await admit(directory);
        }
        return new ProviderBed(scratch, server, keyPath, openParty(wallet));
    }

    place(name: string): string {
        return join(this.#scratch, name);
    }

    at(text: string): number {
        return unwrap(parseInstant(text, this.key.zone));
    }

    /** A grant as a household makes it, on the ledger and in the box of the server. */
    async grant(wish: Wish, to = "energy"): Promise<Grant> {
        const { kind = GRANT_KIND.K, level, window, leaseEndUnix } = wish;
        const { party } = openParty(this.place(to));
        const recipient = party.recipients[0] as { suite: number; bytes: Uint8Array };
        const [fromUnix, toUnix] = [
            this.at(wish.from ?? "2013-01-01"),
            this.at(wish.to ?? "2013-01-07"),
        ];
        const { stream } = this.key;
        const span = { sealEpoch: stream.sealEpoch, fromUnix, toUnix };
        const groups = stream.groups.map(({ group }) => group);
        const terms: GrantTerms = {
            network: this.key.network,
            grantId: systemRandom.bytes(16),
            household: this.household.party.id,
            subject: this.key.meter,
            streamId: stream.streamId,
            spans: [span],
            groups: [0],
            kind,
            fromUnix,
            toUnix,
            recipient: party.id,
            recipientKeyId: recipientKeyId(recipient.bytes),
            issuedUnix: this.at("2013-01-08"),
            zone: this.key.zone,
            slotSeconds: stream.slotSeconds,
            scale: this.key.scale,
            hpkeSuite: recipient.suite,
            sealSuite: stream.suite,
            streamGroups: groups,
            ...(kind === GRANT_KIND.K ? { level: level ?? 2 } : { window: window ?? "day" }),
            ...(leaseEndUnix === undefined ? {} : { leaseEndUnix }),
        };
        const ladder = unwrap(createLadder(this.key.zone, stream.slotSeconds));
        const owner = unwrap(ownerKeys(this.key.master as Uint8Array, stream));
        const windows = [{ fromUnix, toUnix }];
        const epochs = [{ span, owner }];
        const body =
            kind === GRANT_KIND.K
                ? coverBody(terms, ladder, epochs)
                : (kind === GRANT_KIND.E ? keyBody : differenceBody)(
                      terms,
                      ladder,
                      epochs,
                      windows,
                  );
        const bytes = unwrap(
            await sealGrant(this.household.signer, terms, recipient.bytes, unwrap(body)),
        );
        const made = unwrap(parseGrant(bytes));
        await this.say(NOTICE_KIND.grant, made);
        await postToBox(this.server.httpUrl, "grants", bytes);
        return made;
    }

    /** The household says of a grant that it was issued, or that it is revoked. */
    async say(kind: 1 | 2, { message }: Grant): Promise<void> {
        const about = {
            network: this.key.network,
            party: this.household.party.id,
            kind,
            hash: message.hash,
        };
        const timeUnix = this.at("2013-01-08");
        const notice = await createNotice(this.household.signer, { ...about, timeUnix });
        await postNotice(this.server.httpUrl, notice);
    }

    /** `meterseal provider sums` of a grant, as a provider and at a server. */
    sums(name: string, { message }: Grant, ...words: string[]): Promise<Outcome> {
        return this.sumsAt(this.server.httpUrl, name, message.hash, ...words);
    }

    sumsAt(url: string, name: string, hash: Uint8Array, ...words: string[]): Promise<Outcome> {
        const place = ["--dir", this.place(name), "--url", url, "--grant", toHex(hash)];
        return run("provider", "sums", ...place, ...words);
    }
}
