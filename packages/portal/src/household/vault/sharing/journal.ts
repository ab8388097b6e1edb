import { error, toHex, unwrap } from "@meterseal/core";
import {
    formatIssued,
    formatPosted,
    type IssuedGrant,
    type Journal,
    type KeyFile,
    parseJournal,
} from "@meterseal/wallet";
import { inStore, isThere, type Place } from "../database.ts";

/** A line of a journal as it lies in the database: what it says is sealed. */
type Line = {
    readonly home: string;
    readonly iv: Uint8Array<ArrayBuffer>;
    readonly sealed: Uint8Array<ArrayBuffer>;
};

const LINES: Place = {
    database: "meterseal-issued",
    store: "lines",
    options: { autoIncrement: true },
    index: "home",
};
const utf8 = new TextEncoder();
const PURPOSE = utf8.encode("meterseal-issued/v1");

/**
 * The journal of a home's grants in this browser, by the rules of a wallet's: a grant is on disk before
 * it leaves, and none is forgotten. Its lines are sealed under a key that follows from the home's own, so
 * that the device tells nobody else whom it granted what.
 */
export class HomeJournal {
    readonly #home: string;
    readonly #key: CryptoKey;

    private constructor(home: string, key: CryptoKey) {
        this.#home = home;
        this.#key = key;
    }

    /** Journal of the home of a key file; that of a sealed stream. */
    static async open({ master, network, stream }: KeyFile): Promise<HomeJournal> {
        if (master === null) throw error("MS_KEY_FILE", { expected: "the key of a sealed stream" });
        const secret = new Uint8Array(master);
        const base = await crypto.subtle.importKey("raw", secret, "HKDF", false, [
            "deriveBits",
            "deriveKey",
        ]);
        const salt = new Uint8Array([...network, ...stream.streamId]);
        const of = (use: string) => ({
            ...{ name: "HKDF", hash: "SHA-256", salt },
            info: new Uint8Array([...PURPOSE, ...utf8.encode(`/${use}`)]),
        });
        const name = new Uint8Array(await crypto.subtle.deriveBits(of("name"), base, 128));
        const use: KeyUsage[] = ["encrypt", "decrypt"];
        const cipher = { name: "AES-GCM", length: 256 };
        const key = await crypto.subtle.deriveKey(of("lines"), base, cipher, false, use);
        return new HomeJournal(toHex(name), key);
    }

    /** Runs something that nobody who writes this journal does meanwhile, in whichever window. */
    alone<T>(body: () => Promise<T>): Promise<T> {
        return navigator.locks.request(`${LINES.database}/${this.#home}`, body);
    }

    /** @throws MetersealError MS_JOURNAL where lines were altered. */
    async read(): Promise<Journal> {
        return unwrap(parseJournal(await this.text()));
    }

    /** The journal as a file, in the form of a wallet's `issued.jsonl`. */
    async text(): Promise<string> {
        if (!(await isThere(LINES))) return "";
        const lines = await inStore<Line[]>(LINES, "readonly", (store) =>
            store.index("home").getAll(this.#home),
        );
        const texts: string[] = [];
        for (const line of lines) texts.push(await this.#open(line));
        return texts.join("");
    }

    /** Writes a grant down. Resolves when it is on disk: **only then may the grant leave**. */
    async appendIssued(grant: IssuedGrant): Promise<void> {
        await this.#append(unwrap(formatIssued(grant)));
    }

    /** Writes down that the server has a grant. */
    async appendPosted(hash: string): Promise<void> {
        await this.#append(unwrap(formatPosted(hash)));
    }

    /**
     * Takes in the journal of another device; what is known stays.
     * @param stream - id of the home's, hexadecimal.
     * @returns how many grants were not known.
     * @throws MetersealError MS_JOURNAL, MS_KEY_FOREIGN for the journal of another home.
     */
    async take(text: string, stream: string): Promise<number> {
        // What stands behind the last line feed is no line: a crash cut it off.
        const taken = unwrap(parseJournal(text));
        if (text.trim() !== "" && taken.grants.length === 0) throw error("MS_JOURNAL");
        if (taken.grants.some((grant) => grant.stream !== stream)) {
            throw error("MS_KEY_FOREIGN", { where: "the list", expected: "that of this home" });
        }
        const known = await this.read();
        const hashes = new Set(known.grants.map(({ hash }) => hash));
        const added = taken.grants.filter(({ hash }) => !hashes.has(hash));
        for (const grant of added) await this.appendIssued(grant);
        for (const hash of taken.posted) {
            if (!known.posted.has(hash)) await this.appendPosted(hash);
        }
        return added.length;
    }

    async #append(text: string): Promise<void> {
        const iv = crypto.getRandomValues(new Uint8Array(12));
        const sealed = new Uint8Array(
            await crypto.subtle.encrypt(this.#cipher(iv), this.#key, utf8.encode(text)),
        );
        const line: Line = { home: this.#home, iv, sealed };
        try {
            await inStore(LINES, "readwrite", (store) => store.add(line));
        } catch (cause) {
            const todo = "Nothing was granted: this browser keeps no data for this page.";
            throw error("MS_STORE_UNWRITABLE", { where: "the list of grants", todo, cause });
        }
    }

    async #open({ iv, sealed }: Line): Promise<string> {
        try {
            const opened = await crypto.subtle.decrypt(this.#cipher(iv), this.#key, sealed);
            return new TextDecoder().decode(opened);
        } catch {
            throw error("MS_JOURNAL", { where: "this browser" });
        }
    }

    #cipher(iv: Uint8Array<ArrayBuffer>) {
        return { name: "AES-GCM", iv, additionalData: utf8.encode(this.#home) };
    }
}
