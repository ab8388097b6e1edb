// Checks the rules of ARCHITECTURE.md: who may import whom, through which door, and which packages
// stay pure. The layers come from the table in that file.
import { readFileSync } from "node:fs";
import { isBuiltin } from "node:module";
import { join, posix, sep } from "node:path";
import { blank, importsOf } from "./source.mjs";
import { packageNames, readJson, root, sourceFiles } from "./workspace.mjs";

const SCOPE = "@meterseal/";
const TESTKIT = "testkit";
const TESTKIT_LAYERS = 4;

/** Files of pure packages that may use Node: they stand behind `#crypto` and `@meterseal/core/node`. */
const NODE_FILES = new Set([
    "packages/core/src/crypto/node.ts",
    "packages/core/src/crypto/signer.ts",
    "packages/core/src/crypto/verifier-pool.ts",
    "packages/core/src/crypto/verifier-worker.ts",
]);

/** What reaches outside, in packages that may not. */
const OUTSIDE = [
    "Date\\.now",
    "new Date\\(\\)",
    "performance\\.now",
    "Temporal\\.Now",
    "Math\\.random",
    "crypto\\.getRandomValues",
    "crypto\\.randomUUID",
    "setTimeout",
    "setInterval",
    "setImmediate",
    "queueMicrotask",
    "process\\.",
    "fetch\\(",
    "console\\.",
];
const OUTSIDE_PATTERN = new RegExp(`(?<![\\w$.])(?:globalThis\\.)?(?:${OUTSIDE.join("|")})`, "g");

const problems = [];
const complain = (where, what) => problems.push(`${where}: ${what}`);

/** Layer and purity of each package, from the table. */
function readTable() {
    const table = new Map();
    const row = /^\| *(\d+|–) *\| *`([a-z0-9-]+)` *\|[^|]*\| *([^|]*?) *\|$/gm;
    for (const [, layer, name, io] of readFileSync(join(root, "ARCHITECTURE.md"), "utf8").matchAll(
        row,
    )) {
        if (table.has(name)) complain("ARCHITECTURE.md", `${name} stands in the table twice`);
        table.set(name, {
            layer: layer === "–" ? undefined : Number(layer),
            pure: io === "no" || io === "through ports",
        });
    }
    return table;
}

const table = readTable();
const manifests = new Map(
    packageNames().map((name) => [name, readJson(`packages/${name}/package.json`) ?? {}]),
);

/** Whether a package may be used by another one's sources, or by its tests. */
function mayUse(user, used, inTests) {
    if (used === TESTKIT) return inTests && user !== TESTKIT;
    const lower = table.get(used)?.layer;
    if (lower === undefined) return false;
    if (user === TESTKIT) return lower <= TESTKIT_LAYERS;
    const own = table.get(user)?.layer ?? -1;
    return inTests ? lower <= own : lower < own;
}

/** Package part of a module name: `@a/b` of `@a/b/c`, `a` of `a/c`. */
function packageOf(specifier) {
    return specifier
        .split("/")
        .slice(0, specifier.startsWith("@") ? 2 : 1)
        .join("/");
}

function checkPackages() {
    if (table.size === 0) complain("ARCHITECTURE.md", "has no layer table");
    for (const name of manifests.keys()) {
        if (!table.has(name))
            complain(`packages/${name}`, "is not in the layer table of ARCHITECTURE.md");
    }
    for (const name of table.keys()) {
        if (!manifests.has(name))
            complain("ARCHITECTURE.md", `the table names ${name}, which does not exist`);
    }
    for (const [name, manifest] of manifests) {
        const where = `packages/${name}/package.json`;
        if (manifest.name !== SCOPE + name) complain(where, `has the name ${manifest.name}`);
        for (const dependency of Object.keys(manifest.dependencies ?? {})) {
            if (!dependency.startsWith(SCOPE)) continue;
            const used = dependency.slice(SCOPE.length);
            if (!mayUse(name, used, false)) complain(where, `may not depend on ${used} (layers)`);
        }
    }
}

/** Checks one import of another Meterseal package: its layer, its door, its declaration. */
function checkOwn(file, specifier, where) {
    const used = packageOf(specifier).slice(SCOPE.length);
    if (used === file.package) {
        if (!file.inTests)
            complain(where, "a package imports itself by its own name; use a relative path");
        return;
    }
    if (!manifests.has(used)) return complain(where, `${specifier} does not exist`);
    if (file.package !== undefined && !mayUse(file.package, used, file.inTests)) {
        complain(where, `${file.package} may not import ${used} (layers)`);
    }
    const door = `.${specifier.slice(SCOPE.length + used.length)}`;
    const doors = Object.keys(manifests.get(used).exports ?? {});
    if (!doors.includes(door)) complain(where, `${specifier} is not among the exports of ${used}`);
    const isPure = table.get(file.package)?.pure === true && !file.inTests;
    if (isPure && door === "./node")
        complain(where, `${file.package} is pure and may not import ${specifier}`);
}

/** Checks a relative import; returns the file that it leads to. */
function checkRelative(file, specifier, where) {
    const target = posix.join(posix.dirname(file.path), specifier.replace(/[?#].*$/, ""));
    const home = `packages/${file.package ?? ""}/`;
    const leaves = file.package === undefined || !target.startsWith(home);
    // The composition root exports nothing: tests and benches of the whole reach into it.
    const whole = file.package === undefined && target.startsWith("packages/node/");
    if (leaves && !whole && target.startsWith("packages/")) {
        complain(where, `${specifier} reaches into a package; import it by name`);
    }
    if (!file.inTests && target.startsWith(`${home}test/`))
        complain(where, "sources import a test");
    return target;
}

function checkBuiltin(file, specifier, where) {
    if (!specifier.startsWith("node:")) complain(where, `write node:${specifier}`);
    const isPure = table.get(file.package)?.pure === true && !file.inTests;
    if (isPure && !NODE_FILES.has(file.path)) {
        complain(where, `${file.package} is pure and may not import ${specifier}`);
    }
}

/** Checks one import statement; returns the file of the same package that it leads to, if any. */
function checkImport(file, { specifier, line }) {
    const where = `${file.path}:${line}`;
    if (specifier.startsWith(".")) return checkRelative(file, specifier, where);
    if (specifier.startsWith("#")) {
        const known = Object.keys(manifests.get(file.package)?.imports ?? {});
        if (!known.includes(specifier))
            complain(where, `${specifier} is not among the imports of package.json`);
    } else if (specifier.startsWith("node:") || isBuiltin(specifier)) {
        checkBuiltin(file, specifier, where);
    } else {
        file.used.add(packageOf(specifier));
        if (specifier.startsWith(SCOPE)) checkOwn(file, specifier, where);
        checkDeclared(file, specifier, where);
    }
    return undefined;
}

const topManifest = readJson("package.json") ?? {};

function checkDeclared(file, specifier, where) {
    const dependency = packageOf(specifier);
    const manifest = manifests.get(file.package) ?? {};
    const fields = [
        manifest.dependencies,
        manifest.optionalDependencies,
        manifest.peerDependencies,
    ];
    if (file.inTests) fields.push(manifest.devDependencies, topManifest.devDependencies);
    const isOwn = dependency.startsWith(SCOPE);
    // Tests may use whatever the layers allow them; npm links every package of the workspace.
    if (file.inTests && isOwn) return;
    if (file.package === TESTKIT) fields.push(topManifest.devDependencies);
    if (!fields.some((field) => field?.[dependency] !== undefined)) {
        complain(where, `${dependency} is not declared in packages/${file.package}/package.json`);
    }
}

function checkOutside(file, source) {
    if (table.get(file.package)?.pure !== true || file.inTests || NODE_FILES.has(file.path)) return;
    const code = blank(source);
    for (const match of code.matchAll(OUTSIDE_PATTERN)) {
        const line = code.slice(0, match.index).split("\n").length;
        complain(
            `${file.path}:${line}`,
            `${file.package} is pure and may not use ${match[0].replace("(", "")}`,
        );
    }
}

/** Names a circle of imports among files, once for each. */
function checkCircles(edges) {
    const state = new Map();
    const path = [];
    const visit = (file) => {
        if (state.get(file) === "done") return;
        if (state.get(file) === "open") {
            complain(
                file,
                `imports in a circle: ${[...path.slice(path.indexOf(file)), file].join(" > ")}`,
            );
            return;
        }
        state.set(file, "open");
        path.push(file);
        for (const next of edges.get(file) ?? []) visit(next);
        path.pop();
        state.set(file, "done");
    };
    for (const file of edges.keys()) visit(file);
}

/** Every TypeScript file with the package it belongs to; no package for those beside packages/. */
function listFiles() {
    const isSource = (path) => /\.(?:m?ts|tsx)$/.test(path);
    const list = (directory, name, inTests) =>
        sourceFiles(directory)
            .filter(isSource)
            .map((path) => ({
                path: path.split(sep).join("/"),
                package: name,
                inTests,
                used: new Set(),
            }));
    const packaged = [...manifests.keys()].flatMap((name) => [
        ...list(join("packages", name, "src"), name, false),
        ...list(join("packages", name, "test"), name, true),
    ]);
    const beside = ["test", "bench"].flatMap((directory) => list(directory, undefined, true));
    return [...packaged, ...beside];
}

function checkUnused(files) {
    for (const [name, manifest] of manifests) {
        const used = new Set();
        for (const file of files) {
            if (file.package === name && !file.inTests)
                for (const each of file.used) used.add(each);
        }
        for (const dependency of Object.keys(manifest.dependencies ?? {})) {
            if (!used.has(dependency))
                complain(
                    `packages/${name}/package.json`,
                    `${dependency} is declared but not used in src`,
                );
        }
    }
}

checkPackages();
const files = listFiles();
const edges = new Map();
let imports = 0;
for (const file of files) {
    const source = readFileSync(join(root, file.path), "utf8");
    const targets = [];
    for (const each of importsOf(source)) {
        imports++;
        const target = checkImport(file, each);
        if (target !== undefined && !each.types) targets.push(target);
    }
    edges.set(file.path, targets);
    checkOutside(file, source);
}
checkCircles(edges);
checkUnused(files);
if (files.length === 0 || imports === 0) complain("check-layers", "found nothing to look at");

for (const problem of problems) console.error(problem);
const packages = `${manifests.size} packages, ${files.length} files, ${imports} imports`;
console.error(
    problems.length === 0
        ? `Layers: ${packages}, all in order.`
        : `Layers: ${packages}, ${problems.length} problems.`,
);
process.exitCode = problems.length === 0 ? 0 : 1;
