import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, it } from "vitest";

const scripts = fileURLToPath(new URL("../scripts", import.meta.url));
const made: string[] = [];

/** Writes a small checkout with our scripts and some files, and runs one of the checks in it. */
function check(
    script: string,
    files: Record<string, string>,
    ...args: string[]
): { status: number | null; said: string } {
    const root = mkdtempSync(join(tmpdir(), "meterseal checks "));
    made.push(root);
    cpSync(scripts, join(root, "scripts"), { recursive: true });
    for (const [path, text] of Object.entries(files)) {
        mkdirSync(dirname(join(root, path)), { recursive: true });
        writeFileSync(join(root, path), text);
    }
    const run = spawnSync(process.execPath, [join("scripts", script), ...args], {
        cwd: root,
        encoding: "utf8",
    });
    return { status: run.status, said: run.stdout + run.stderr };
}

afterEach(() => {
    for (const root of made.splice(0)) rmSync(root, { recursive: true, force: true });
});

function manifest(name: string, dependencies: string[], more: object = {}): string {
    const versions = Object.fromEntries(dependencies.map((dependency) => [dependency, "1.0.0"]));
    return JSON.stringify({
        name: `@meterseal/${name}`,
        exports: { ".": "./src/index.ts", "./node": "./src/node.ts" },
        dependencies: versions,
        ...more,
    });
}

/** A checkout that keeps every rule: three layers, a test kit and tests. */
function tidyCheckout(): Record<string, string> {
    const row = (layer: string, name: string, io: string) =>
        `| ${layer} | \`${name}\` | things | ${io} |`;
    const rows = [row("0", "core", "no"), row("1", "record", "no"), row("2", "seal", "no")];
    rows.push(row("2", "ledger", "no"), row("5", "node", "yes"), row("–", "testkit", "tests only"));
    const index = 'import { one } from "@meterseal/core";\nexport const two = one + one;\n';
    return {
        "ARCHITECTURE.md": `${rows.join("\n")}\n`,
        "package.json": JSON.stringify({ devDependencies: { vitest: "1.0.0" } }),
        "packages/core/package.json": manifest("core", []),
        "packages/core/src/index.ts":
            "export const one = 1; // setTimeout(() => process.exit());\n",
        "packages/core/src/crypto/node.ts": 'import "node:crypto";\n',
        "packages/record/package.json": manifest("record", ["@meterseal/core"]),
        "packages/record/src/index.ts": index,
        "packages/seal/package.json": manifest("seal", ["@meterseal/core"]),
        "packages/seal/src/index.ts": index,
        "packages/seal/test/seal.test.ts":
            'import "vitest";\nimport "@meterseal/testkit";\nimport { two } from "../src/index.ts";\nsetTimeout(two);\n',
        "packages/ledger/package.json": manifest("ledger", ["@meterseal/core"]),
        "packages/ledger/src/index.ts": `${index}const text = "import x from 'nowhere'; fetch(x)";\n`,
        "packages/node/package.json": manifest("node", ["@meterseal/core", "fastify"]),
        "packages/node/src/index.ts": `${index}import "node:fs";\nawait import("fastify");\nprocess.exit();\n`,
        "packages/testkit/package.json": manifest("testkit", ["@meterseal/core"]),
        "packages/testkit/src/index.ts": index,
    };
}

describe("check-layers", () => {
    it("passes a checkout that keeps the rules", () => {
        expect(check("check-layers.mjs", tidyCheckout())).toMatchObject({ status: 0 });
    });

    const record = "packages/record/src/index.ts";
    const environment = ["export const a = `{} $", "{process.env.A}`;"].join("");
    const broken: [name: string, path: string, line: string, said: RegExp][] = [
        ["an import upwards", record, 'import "@meterseal/seal";', /record may not import seal/],
        [
            "a re-export upwards",
            record,
            'export * from "@meterseal/seal";',
            /record may not import seal/,
        ],
        [
            "a late import upwards",
            record,
            'await import("@meterseal/seal");',
            /record may not import seal/,
        ],
        [
            "a type import upwards",
            record,
            'import type {\n    A,\n} from "@meterseal/seal";',
            /may not import seal/,
        ],
        [
            "a sideways import",
            "packages/seal/src/index.ts",
            'import "@meterseal/ledger";',
            /may not import ledger/,
        ],
        [
            "the test kit in sources",
            record,
            'import "@meterseal/testkit";',
            /may not import testkit/,
        ],
        [
            "a path into another package",
            record,
            'import "../../core/src/index.ts";',
            /reaches into a package/,
        ],
        [
            "a deep import by name",
            record,
            'import "@meterseal/core/src/index.ts";',
            /not among the exports/,
        ],
        ["a Node module", record, 'import "node:fs";', /record is pure and may not import node:fs/],
        [
            "core's Node entry",
            record,
            'import "@meterseal/core/node";',
            /record is pure and may not/,
        ],
        ["a clock", record, "const now = Date.now();", /may not use Date\.now/],
        ["randomness", record, "export const dice = Math.random();", /may not use Math\.random/],
        ["a timer", record, "setTimeout(two, 1);", /may not use setTimeout/],
        ["the environment", record, environment, /may not use process/],
        ["the network", record, 'await fetch("a");', /may not use fetch/],
        ["the console", record, 'console.log("a");', /may not use console/],
        ["an undeclared dependency", record, 'import "cborg/json";', /cborg is not declared/],
        [
            "an unknown internal name",
            record,
            'import "#crypto";',
            /#crypto is not among the imports/,
        ],
        ["a test in sources", record, 'import "../test/a.ts";', /sources import a test/],
    ];
    it.each(broken)("refuses %s", (_, path, line, said) => {
        const files = tidyCheckout();
        const result = check("check-layers.mjs", { ...files, [path]: `${files[path]}${line}\n` });
        expect(result.said).toMatch(said);
        expect(result.status).toBe(1);
    });

    it("refuses a circle of files, but not one of types", () => {
        const circle = (types: string) => ({
            ...tidyCheckout(),
            "packages/record/src/a.ts": 'import { b } from "./b.ts";\nexport const a = b;\n',
            "packages/record/src/b.ts": `import ${types}{ a } from "./a.ts";\nexport const b = 1;\n`,
        });
        expect(check("check-layers.mjs", circle("")).said).toMatch(/in a circle/);
        expect(check("check-layers.mjs", circle("type "))).toMatchObject({ status: 0 });
    });

    it("refuses unused dependencies, packages outside the table, and an empty checkout", () => {
        const unused = {
            "packages/record/package.json": manifest("record", ["@meterseal/core", "cborg"]),
        };
        expect(check("check-layers.mjs", { ...tidyCheckout(), ...unused }).said).toMatch(
            /cborg is declared but/,
        );
        const stranger = { "packages/new/package.json": manifest("new", []) };
        expect(check("check-layers.mjs", { ...tidyCheckout(), ...stranger }).said).toMatch(
            /not in the layer table/,
        );
        const empty = { "ARCHITECTURE.md": "", "packages/a.txt": "" };
        expect(check("check-layers.mjs", empty)).toMatchObject({ status: 1 });
    });
});

describe("check-exports", () => {
    const list = "test/exports/core.txt";
    const small = {
        "packages/core/package.json": manifest("core", []),
        "packages/core/src/index.ts":
            'export { one } from "./one.ts";\nexport { type Two, two as second } from "./two.ts";\n',
        "packages/core/src/node.ts": "export class Three {}\n",
        "packages/core/src/one.ts": "export const one = 1; // export const none = 0;\n",
        "packages/core/src/two.ts":
            "export type Two = 2;\nexport type Form = Two;\nexport function two(form: Form): Two {\n    return form;\n}\n",
        "packages/core/test/one.test.ts":
            'import { Three } from "@meterseal/core/node";\nimport {\n    one,\n    second,\n} from "@meterseal/core";\n',
        [list]: "@meterseal/core one\n@meterseal/core second\n@meterseal/core type Two\n@meterseal/core/node Three\n",
    };

    it("passes where each export has a user and each door its list", () => {
        expect(check("check-exports.mjs", small)).toMatchObject({ status: 0 });
    });

    const door = "packages/core/src/index.ts";
    const one = "packages/core/src/one.ts";
    const broken: [name: string, files: object, said: RegExp][] = [
        [
            "a value that nobody asks for",
            { [one]: "export const one = 1;\nexport let rest = 2;" },
            /one\.ts:2: no other file asks for rest/,
        ],
        [
            "a type that nothing uses",
            { [one]: "export const one = 1;\nexport type Lost = 1;" },
            /asks for Lost/,
        ],
        [
            "a name at the door that nobody asks for",
            { [door]: `${small[door]}export const four = 4;` },
            /index\.ts:3: no other file asks for four/,
        ],
        [
            "a name at the door that the list lacks",
            { [list]: "" },
            /core\.txt: lacks @meterseal\/core one/,
        ],
        [
            "a name that is gone",
            { [list]: `${small[list]}@meterseal/core five\n` },
            /has no more @meterseal\/core five/,
        ],
        [
            "a list without a package",
            { "test/exports/gone.txt": "a\n" },
            /its package exports nothing/,
        ],
        [
            "an empty checkout",
            { ...Object.fromEntries(Object.keys(small).map((path) => [path, "{}"])), [list]: "" },
            /found nothing to look at/,
        ],
    ];
    it.each(broken)("refuses %s", (_, files, said) => {
        const result = check("check-exports.mjs", { ...small, ...files });
        expect(result.said).toMatch(said);
        expect(result.status).toBe(1);
    });

    it("takes a module asked for as a whole as used", () => {
        const whole = {
            [one]: "export const one = 1;\nexport const rest = 2;",
            "packages/core/test/all.test.ts": 'const all = await import("../src/one.ts");\n',
        };
        expect(check("check-exports.mjs", { ...small, ...whole })).toMatchObject({ status: 0 });
    });

    it("writes the lists when told to", () => {
        const files = { ...small, [list]: "@meterseal/core five\n" };
        expect(check("check-exports.mjs", files).status).toBe(1);
        expect(check("check-exports.mjs", files, "--write").status).toBe(0);
    });
});

describe("check-lock", () => {
    const good = { version: "1.0.0", integrity: "sha512-a", license: "MIT" };
    const lock = (packages: object) => ({ "package-lock.json": JSON.stringify({ packages }) });

    it("passes a lock file that has everything", () => {
        const packages = {
            "": {},
            "packages/a": { version: "1.0.0" },
            "node_modules/@meterseal/a": { resolved: "packages/a", link: true },
            "node_modules/b": { ...good, optionalDependencies: { c: "1", d: "1" } },
            "node_modules/b/node_modules/c": good,
            "node_modules/d": { ...good, dev: true, license: "GPL-3.0" },
            "node_modules/e": { ...good, license: "(MIT OR GPL-3.0)" },
        };
        expect(check("check-lock.mjs", lock(packages))).toMatchObject({ status: 0 });
    });

    it("looks at the lock file of the tests on an EVM node, too", () => {
        const bad = { "node_modules/c": { ...good, resolved: "https://a/c.tgz" } };
        const files = {
            ...lock({ "node_modules/b": good }),
            "test/evm/tools/package-lock.json": JSON.stringify({ packages: bad }),
        };
        const result = check("check-lock.mjs", files);
        expect(result.said).toMatch(/node_modules\/c: is tied to/);
        expect(result.status).toBe(1);
    });

    const broken: [name: string, packages: object, said: RegExp][] = [
        ["an empty lock file", {}, /names no packages/],
        [
            "a missing platform",
            { "node_modules/b": { ...good, optionalDependencies: { c: "1" } } },
            /without c/,
        ],
        [
            "a package without checksum",
            { "node_modules/b": { ...good, integrity: undefined } },
            /no checksum/,
        ],
        [
            "a package tied to a host",
            { "node_modules/b": { ...good, resolved: "https://a/b.tgz" } },
            /tied to/,
        ],
        [
            "a binding licence",
            { "node_modules/b": { ...good, license: "AGPL-3.0-only" } },
            /has the licence AGPL/,
        ],
        ["no licence", { "node_modules/b": { ...good, license: undefined } }, /no licence field/],
    ];
    it.each(broken)("refuses %s", (_, packages, said) => {
        const result = check("check-lock.mjs", lock(packages));
        expect(result.said).toMatch(said);
        expect(result.status).toBe(1);
    });
});
