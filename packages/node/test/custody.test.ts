import { cpSync, existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { toBase64, unwrap, utf8 } from "@meterseal/core";
import { parseKeyFile } from "@meterseal/wallet";
import { beforeAll, describe, expect, it } from "vitest";
import { systemRandom } from "../src/clocks.ts";
import { type ArchiveSecret, openArchive, sealArchive } from "../src/custody/archive.ts";
import { makeRecoveryCode } from "../src/custody/recovery-code.ts";
import { readWallet, writeWallet } from "../src/custody/wallet-files.ts";
import { PLACES } from "../src/files.ts";
import { run } from "./command.ts";
import { FIXTURE_MS, useFixture, useScratch } from "./fixture.ts";

const scratch = useScratch();
const passphrase: ArchiveSecret = { kind: "passphrase", text: "four words that are long" };
const code: ArchiveSecret = { kind: "recovery code", text: makeRecoveryCode(systemRandom) };
const files = [
    { name: "key.json", bytes: utf8("a secret of the household") },
    { name: "wallet.key", bytes: Uint8Array.of(0, 255, 10) },
];

const codeOf = (text: string, secret: ArchiveSecret): string => {
    const opened = openArchive(text, secret);
    return opened.ok ? "ok" : opened.error.code;
};

describe("an archive of a wallet", () => {
    const text = sealArchive(files, [passphrase, code], systemRandom);
    const other = (at: string): string => {
        const fields = JSON.parse(text) as Record<string, unknown>;
        const change = (value: string): string =>
            `${value[0] === "A" ? "B" : "A"}${value.slice(1)}`;
        const slots = (fields.slots as Record<string, string>[]).map((slot) =>
            at in slot ? { ...slot, [at]: change(slot[at] ?? "") } : slot,
        );
        const own = at in fields ? { [at]: change(String(fields[at])) } : {};
        return JSON.stringify({ ...fields, slots, ...own });
    };

    it("opens by passphrase and by recovery code, byte for byte", () => {
        for (const secret of [passphrase, code]) {
            const opened = unwrap(openArchive(text, secret));
            expect(opened.map(({ name, bytes }) => [name, toBase64(bytes)])).toEqual(
                files.map(({ name, bytes }) => [name, toBase64(bytes)]),
            );
        }
    });

    it("takes a recovery code as people write it", () => {
        const written = code.text.toLowerCase().replaceAll("-", " ").replaceAll("0", "o");
        expect(codeOf(text, { ...code, text: written.replaceAll("1", "l") })).toBe("ok");
    });

    it("stays shut to anything else, and where a byte of it was altered", () => {
        for (const secret of [
            { ...passphrase, text: "four words that are Long" },
            { ...code, text: makeRecoveryCode(systemRandom) },
        ]) {
            expect(codeOf(text, secret)).toBe("MS_KEY_FILE");
        }
        for (const at of ["content", "key"]) {
            expect(codeOf(other(at), passphrase), at).toBe("MS_KEY_FILE");
        }
    });

    it("is refused where it is none, asks for other costs, or names a place elsewhere", () => {
        expect(codeOf("{}", passphrase)).toBe("MS_MALFORMED");
        expect(codeOf(text.replace("131072", "1073741824"), passphrase)).toBe("MS_MALFORMED");
        const bad = sealArchive(
            [{ name: "../key.json", bytes: utf8("x") }],
            [passphrase],
            systemRandom,
        );
        expect(codeOf(bad, passphrase)).toBe("MS_KEY_FILE");
    });

    it("shows nothing of what is in it", () => {
        for (const secret of ["secret of the household", "key.json", passphrase.text, code.text]) {
            expect(text).not.toContain(secret);
            expect(text).not.toContain(Buffer.from(secret).toString("base64").slice(0, 12));
        }
    });
});

describe("meterseal wallet export, erase and import", () => {
    const dataDir = join(scratch, "data");
    const secret = join(scratch, "passphrase");
    let home: string;
    let name: string;

    beforeAll(async () => {
        const { finished, names } = await useFixture();
        cpSync(finished, dataDir, { recursive: true });
        [name = ""] = names;
        home = PLACES.household(dataDir, name);
        writeFileSync(secret, "a passphrase of many words\n");
    }, FIXTURE_MS);

    const usage = (): ReturnType<typeof run> =>
        run("usage", "--key", join(home, "key.json"), "--data", dataDir, "--json");

    it("make what is stored useless without the keys, and of use again with the copy", async () => {
        const before = await usage();
        expect(before.code).toBe(0);
        const to = join(scratch, "copy.wallet");
        const words = ["--dir", home, "--to", to, "--passphrase-file", secret, "--json"];
        const exported = await run("wallet", "export", ...words);
        expect(exported).toMatchObject({ code: 0 });
        const { recoveryCode } = JSON.parse(exported.stdout) as { recoveryCode: string };
        expect(recoveryCode).toMatch(/^(?:[0-9A-HJKMNP-TV-Z]{5}-){4}[0-9A-HJKMNP-TV-Z]{5}$/);
        expect(statSync(to).mode & 0o777).toBe(0o600);
        const { master } = unwrap(parseKeyFile(readFileSync(join(home, "key.json"), "utf8")));
        expect(readFileSync(to, "utf8")).not.toContain(toBase64(master ?? new Uint8Array()));

        expect(await run("wallet", "erase", "--dir", home, "--yes")).toMatchObject({ code: 0 });
        expect(readdirSync(home)).toEqual([]);
        expect((await usage()).stderr).toContain("MS_NOT_FOUND");
        expect(await run("verify", "--data", dataDir)).toMatchObject({ code: 0 });

        const byCode = join(scratch, "code");
        writeFileSync(byCode, recoveryCode.toLowerCase());
        const out = join(scratch, "by code");
        const back = await run("wallet", "import", to, "--out", out, "--recovery-file", byCode);
        expect(back, back.stderr).toMatchObject({ code: 0 });
        expect(statSync(join(out, "key.json")).mode & 0o777).toBe(0o600);
        await run("wallet", "import", to, "--out", home, "--passphrase-file", secret);
        expect((await usage()).stdout).toBe(before.stdout);
        expect(() => writeWallet(home, readWallet(home))).toThrow(/never written over/);
    });

    it("leave a meter's own files where they are", async () => {
        const meter = join(scratch, "meter");
        const made = await run("meter", "init", "--dir", meter, "--zone", "Europe/London");
        expect(made.code).toBe(0);
        cpSync(join(home, "key.json"), join(meter, "key.json"));
        expect(readWallet(meter).map((file) => file.name)).toEqual(["key.json"]);
        const counter = [{ name: "starts.counter", bytes: utf8("0") }];
        expect(() => writeWallet(meter, counter)).toThrow("MS_KEY_FILE");
        const erased = await run("wallet", "erase", "--dir", meter, "--yes");
        expect(erased.stderr).toContain("own copy of the master secret");
        expect(existsSync(join(meter, "master.hex"))).toBe(true);
    });

    it("refuse a short passphrase, a wrong one, and to ask where nobody is", async () => {
        const short = join(scratch, "short");
        writeFileSync(short, "eleven char");
        const target = ["--dir", home, "--to", join(scratch, "none.wallet")];
        expect(await run("wallet", "export", ...target, "--passphrase-file", short)).toMatchObject({
            code: 2,
        });
        expect(existsSync(join(scratch, "none.wallet"))).toBe(false);
        const asked = await run("wallet", "export", ...target);
        expect(asked).toMatchObject({ code: 2 });
        expect(asked.stderr).toContain("--passphrase-file");
        writeFileSync(short, "another passphrase");
        const out = join(scratch, "shut");
        const from = join(scratch, "copy.wallet");
        const shut = await run("wallet", "import", from, "--out", out, "--passphrase-file", short);
        expect(shut.code).toBe(2);
        expect(shut.stderr).toMatch(/^MS_KEY_FILE: /);
        expect(existsSync(out)).toBe(false);
    });
});
