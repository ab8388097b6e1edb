// Checks what files and packages export: nothing that no other file asks for, and nothing new at
// the door of a package without a line in its list of exports (test/exports/PACKAGE.txt), where a
// reviewer sees it. `node scripts/check-exports.mjs --write` writes the lists anew.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, posix, sep } from "node:path";
import { bindingsOf } from "./bindings.mjs";
import { blank } from "./source.mjs";
import { packageNames, readJson, root, sourceFiles } from "./workspace.mjs";

const SCOPE = "@meterseal/";
const LISTS = join("test", "exports");
/** Where files stand that may ask for an export. */
const USERS = ["packages", "test", "bench", "examples", "scripts"];
/** Sources of a package, whose exports are looked at. */
const SOURCE = /^packages\/[^/]+\/src\//;
const CODE = /\.(?:m?ts|tsx|mjs)$/;

const problems = [];
const doors = new Map();
for (const name of packageNames()) {
    const { exports = {}, imports = {} } = readJson(`packages/${name}/package.json`) ?? {};
    const fileOf = (target) => posix.join("packages", name, target);
    for (const [door, target] of Object.entries(exports))
        doors.set(posix.join(SCOPE + name, door), fileOf(target));
    for (const [door, targets] of Object.entries(imports))
        doors.set(`${name} ${door}`, Object.values(targets).map(fileOf));
}

const paths = USERS.flatMap(sourceFiles)
    .map((path) => path.split(sep).join("/"))
    .filter((path) => CODE.test(path));
const files = new Map(
    paths.map((path) => [path, bindingsOf(readFileSync(join(root, path), "utf8"))]),
);

/** Files that a module name leads to from a file; none for a foreign package. */
function targetsOf(path, specifier) {
    if (specifier.startsWith("."))
        return [posix.join(posix.dirname(path), specifier.replace(/[?#].*$/, ""))];
    const own = /^packages\/([^/]+)\//.exec(path)?.[1];
    return [doors.get(specifier) ?? doors.get(`${own} ${specifier}`) ?? []].flat();
}

/** `file#name` of everything that some other file asks for; `file#*` for a whole module. */
const asked = new Set();
for (const [path, { imports }] of files) {
    for (const { specifier, names } of imports) {
        for (const target of targetsOf(path, specifier))
            for (const name of names) asked.add(`${target}#${name}`);
    }
}

/** Whether a file names something again after it declared it. */
function isUsedInside(path, name) {
    const code = blank(readFileSync(join(root, path), "utf8"));
    return code.split(new RegExp(`(?<![\\w$])${name}(?![\\w$])`)).length > 2;
}

function checkAsked() {
    const entries = new Set([...doors.values()].flat());
    for (const [path, { exports }] of files) {
        if (!SOURCE.test(path) || asked.has(`${path}#*`)) continue;
        for (const { name, line, type } of exports) {
            // A type may be what an exported function takes or gives, or a package's for its users.
            const isPart = type && (entries.has(path) || isUsedInside(path, name));
            if (isPart || asked.has(`${path}#${name}`)) continue;
            problems.push(`${path}:${line}: no other file asks for ${name}; do not export it`);
        }
    }
}

/** The list of one package: a line for each name at each of its doors. */
function listOf(name) {
    const lines = [...doors]
        .filter(([door]) => `${door}/`.startsWith(`${SCOPE}${name}/`))
        .flatMap(([door, entry]) =>
            (files.get(entry)?.exports ?? []).map(
                ({ name: exported, type }) => `${door} ${type ? "type " : ""}${exported}`,
            ),
        );
    return lines.length === 0 ? "" : `${lines.sort().join("\n")}\n`;
}

function checkLists(write) {
    const kept = new Set();
    for (const name of packageNames()) {
        const list = listOf(name);
        if (list === "") continue;
        const path = join(LISTS, `${name}.txt`);
        kept.add(`${name}.txt`);
        if (write) writeFileSync(join(root, path), list);
        const old = existsSync(join(root, path)) ? readFileSync(join(root, path), "utf8") : "";
        for (const line of difference(list, old)) problems.push(`${path}: lacks ${line}`);
        for (const line of difference(old, list)) problems.push(`${path}: has no more ${line}`);
    }
    for (const file of readdirSync(join(root, LISTS))) {
        if (kept.has(file)) continue;
        if (write) rmSync(join(root, LISTS, file));
        else problems.push(`${LISTS}/${file}: its package exports nothing`);
    }
}

function difference(from, to) {
    const known = new Set(to.split("\n"));
    return from.split("\n").filter((line) => !known.has(line));
}

mkdirSync(join(root, LISTS), { recursive: true });
checkAsked();
checkLists(process.argv.includes("--write"));
const count = [...files]
    .filter(([path]) => SOURCE.test(path))
    .reduce((sum, [, { exports }]) => sum + exports.length, 0);
if (count === 0 || asked.size === 0) problems.push("check-exports: found nothing to look at");

for (const problem of problems) console.error(problem);
const seen = `${files.size} files, ${count} exports`;
console.error(
    problems.length === 0
        ? `Exports: ${seen}, all in order.`
        : `Exports: ${seen}, ${problems.length} problems. After a wanted change: node scripts/check-exports.mjs --write`,
);
process.exitCode = problems.length === 0 ? 0 : 1;
