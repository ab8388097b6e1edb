import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { ERRORS } from "@meterseal/core";
import { describe, expect, it } from "vitest";

const root = fileURLToPath(new URL("..", import.meta.url));

/** Longest source file; whatever is longer wants to be two files. */
const SOURCE_LINES = 400;
/** Longest file of test cases: a table of cases is easier to read in one place. */
const TEST_LINES = 600;
const TEST = /(?:^|\/)test\/|^packages\/testkit\//;
/** Tables: long because what they list is long. */
const LONG_TABLES = new Set<string>([]);
/** Packages whose entry is a program or a page, or that only tests use. */
const UNDOCUMENTED_ENTRIES = new Set(["node", "portal", "testkit"]);
/** Text of others, kept as it came. */
const FOREIGN =
    /^(?:LICENSE$|package-lock\.json$|vectors\/|examples\/london-2013\/(?!README\.md$))/;
const BINARY = /\.(?:gz|png|jpg|ico|woff2|wasm|zip|car|db)$/;
const SOURCE = /\.(?:ts|tsx|mts|mjs|js|css)$/;

function walk(directory: string): string[] {
    const skipped = new Set(["node_modules", "dist", "coverage", ".git", ".meterseal", "data"]);
    return readdirSync(join(root, directory), { withFileTypes: true }).flatMap((entry) => {
        const path = directory === "" ? entry.name : `${directory}/${entry.name}`;
        if (entry.isDirectory()) return skipped.has(entry.name) ? [] : walk(path);
        return [path];
    });
}

/** Files that git tracks or would track; without git, all but what is made or installed. */
function listFiles(): string[] {
    const args = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"];
    const git = spawnSync("git", args, { cwd: root, encoding: "utf8", maxBuffer: 2 ** 26 });
    const listed = git.status === 0 ? git.stdout.split("\0") : walk("");
    return listed.filter((path) => path !== "" && existsSync(join(root, path))).sort();
}

const files = listFiles();
const texts = new Map(
    files
        .filter((path) => !BINARY.test(path) && !FOREIGN.test(path))
        .map((path) => [path, readFileSync(join(root, path), "utf8")]),
);
const sources = new Map([...texts].filter(([path]) => SOURCE.test(path)));

/** Places where a pattern occurs in texts, as `path:line: line`. */
function places(where: ReadonlyMap<string, string>, pattern: RegExp): string[] {
    return [...where].flatMap(([path, text]) =>
        text
            .split("\n")
            .map((line, index) => ({ line, at: `${path}:${index + 1}` }))
            .filter(({ line }) => pattern.test(line))
            .map(({ line, at }) => `${at}: ${line.trim().slice(0, 100)}`),
    );
}

/** Pattern of any of some texts, put together so that this file does not contain them. */
function anyOf(parts: readonly (readonly string[])[], before = "", after = ""): RegExp {
    return new RegExp(`${before}(?:${parts.map((each) => each.join("")).join("|")})${after}`);
}

describe("the repository", () => {
    it("is there to be looked at", () => {
        expect(files.length).toBeGreaterThan(50);
        expect(sources.size).toBeGreaterThan(20);
        expect(files).toContain("package.json");
    });

    it("keeps source files short", () => {
        const long = [...sources].filter(
            ([path, text]) =>
                text.split("\n").length - 1 > (TEST.test(path) ? TEST_LINES : SOURCE_LINES) &&
                !LONG_TABLES.has(path),
        );
        expect(long.map(([path]) => path)).toEqual([]);
        expect([...LONG_TABLES].filter((path) => !sources.has(path))).toEqual([]);
    });

    it("has no leftovers", () => {
        const marks = anyOf(
            [
                ["TO", "DO"],
                ["FIX", "ME"],
                ["X", "XX"],
                ["HA", "CK"],
            ],
            "\\b",
            "\\b",
        );
        const halves = [
            ["on", "ly"],
            ["sk", "ip"],
            ["to", "do"],
            ["fa", "ils"],
        ];
        const tests = anyOf(halves, "\\b(?:it|test|describe|bench)\\.", "\\b");
        const silenced = anyOf([
            ["@ts-", "ignore"],
            ["@ts-", "nocheck"],
            ["@ts-expect-", "error"],
        ]);
        expect(places(texts, marks)).toEqual([]);
        expect(places(sources, tests)).toEqual([]);
        expect(places(sources, silenced)).toEqual([]);
    });

    it("names no machine and no package registry", () => {
        const paths = anyOf(
            [
                ["/wo", "rk/"],
                ["/ro", "ot/"],
                ["/ho", "me/"],
            ],
            "(?<![\\w.~-])",
        );
        const hosts = [
            ["registry.npm", "js"],
            ["registry.yarn", "pkg"],
            ["py", "pi\\.org"],
            ["python", "hosted"],
            ["crates", "\\.io"],
            ["proxy.gol", "ang"],
            ["repo1?\\.ma", "ven"],
            ["deb\\.deb", "ian"],
        ];
        expect(places(texts, paths)).toEqual([]);
        expect(places(texts, anyOf(hosts))).toEqual([]);
    });

    it("leaves versions of tools out of its prose", () => {
        const prose = new Map(
            [...texts]
                .filter(([path]) => /(?:^|\/)(?:README|CONTRIBUTING|ARCHITECTURE)\.md$/.test(path))
                .map(([path, text]) => [path, withoutCode(text)]),
        );
        expect(prose.size).toBeGreaterThan(0);
        const tools =
            "Node(?:\\.js)?|npm|TypeScript|Vitest|Vite|Biome|React|Fastify|SQLite|Chromium";
        expect(places(prose, new RegExp(`\\b(?:${tools}) (?:version )?v?\\d`))).toEqual([]);
    });
});

/** Markdown with the lines of its code blocks emptied. */
function withoutCode(markdown: string): string {
    return markdown.replace(/^```[\s\S]*?^```/gm, (block) => block.replace(/[^\n]/g, ""));
}

const packages = readdirSync(join(root, "packages")).filter((name) =>
    existsSync(join(root, "packages", name, "package.json")),
);

describe("each package", () => {
    const documented = packages.filter((name) => !UNDOCUMENTED_ENTRIES.has(name));

    it.each(documented)("%s says at its entries what it is", (name) => {
        const manifest = texts.get(`packages/${name}/package.json`) ?? "{}";
        const { exports } = JSON.parse(manifest) as { exports: Record<string, string> };
        const entries = Object.values(exports).map((entry) => `packages/${name}/${entry.slice(2)}`);
        expect(entries.length).toBeGreaterThan(0);
        const described = /^\/\*\*(?:(?!\*\/)[\s\S])*@packageDocumentation/;
        expect(entries.filter((path) => !described.test(texts.get(path) ?? ""))).toEqual([]);
    });

    it("explains every exported function", () => {
        const inSrc = new Map(
            [...sources].filter(([path]) => /^packages\/[^/]+\/src\//.test(path)),
        );
        expect([...inSrc].flatMap(([path, text]) => unexplained(path, text))).toEqual([]);
    });
});

/** Exported functions without a comment right above; overloads share the first one's. */
function unexplained(path: string, text: string): string[] {
    const lines = text.split("\n");
    const explained = new Set<string>();
    return lines.flatMap((line, index) => {
        const name = /^export (?:async )?function\*? ?([\w$]+)/.exec(line)?.[1];
        if (name === undefined || explained.has(name)) return [];
        if (lines[index - 1]?.trimEnd().endsWith("*/") !== true)
            return [`${path}:${index + 1} ${name}`];
        explained.add(name);
        return [];
    });
}

describe("docs/reference/errors.md", () => {
    it("lists every error as the table in core has it", () => {
        const page = texts.get("docs/reference/errors.md") ?? "";
        const row = /^\| `(MS_[A-Z_]+)` \| (\d+|–) \| (never|later) \| (.+?) \| (.+) \|$/gm;
        const listed = [...page.matchAll(row)].map(([, code, receipt, retry, summary]) => ({
            code,
            receipt: receipt === "–" ? null : Number(receipt),
            retry,
            summary,
        }));
        const known = Object.entries(ERRORS).map(([code, entry]) => ({ code, ...entry }));
        expect(listed).toEqual(known);
    });
});
