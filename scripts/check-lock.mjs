// Checks package-lock.json: complete for every platform, tied to no registry host, every package
// with its checksum, and no licence that the published packages could not live with.
import { join } from "node:path";
import { readJson } from "./workspace.mjs";

/** Licences that would bind whoever ships Meterseal. */
const UNWANTED = /\b(?:A?GPL|SSPL)\b/i;

const problems = [];
const lock = readJson("package-lock.json")?.packages ?? {};

/** Whether a package named in another one's manifest is locked where Node would look for it. */
function isLocked(from, name) {
    for (let at = from; ; at = at.slice(0, at.lastIndexOf("/node_modules/"))) {
        const prefix = at === "" ? "" : `${at}/`;
        if (lock[`${prefix}node_modules/${name}`] !== undefined) return true;
        if (!at.includes("/node_modules/")) return lock[`node_modules/${name}`] !== undefined;
    }
}

function checkComplete(path, entry) {
    const missing = Object.keys(entry.optionalDependencies ?? {}).filter(
        (name) => !isLocked(path, name),
    );
    if (missing.length > 0) {
        problems.push(
            `${path === "" ? "package.json" : `${path} ${entry.version}`}: not locked for all platforms, without ${missing.join(", ")}`,
        );
    }
}

/** An SPDX expression is fine when one of its alternatives is. */
function isWanted(licence) {
    return licence.split(/\bOR\b/).some((alternative) => !UNWANTED.test(alternative));
}

function checkLicence(path, entry) {
    if (entry.dev === true || entry.devOptional === true) return;
    const installed = readJson(join(path, "package.json"))?.license;
    const licences = [entry.license, installed].filter((licence) => licence !== undefined);
    if (licences.length === 0) problems.push(`${path}: has no licence field`);
    for (const licence of licences) {
        if (!isWanted(String(licence.type ?? licence)))
            problems.push(`${path}: has the licence ${licence}`);
    }
}

let packages = 0;
checkComplete("", lock[""] ?? {});
for (const [path, entry] of Object.entries(lock)) {
    if (!path.includes("node_modules/") || entry.link === true) continue;
    packages++;
    checkComplete(path, entry);
    checkLicence(path, entry);
    if (entry.integrity === undefined) problems.push(`${path}: has no checksum`);
    if (entry.resolved !== undefined) problems.push(`${path}: is tied to ${entry.resolved}`);
}
if (packages === 0) problems.push("package-lock.json: names no packages");

for (const problem of problems) console.error(problem);
const verdict =
    problems.length === 0 ? "complete for all platforms" : `${problems.length} problems`;
console.error(`Lock file: ${packages} packages, ${verdict}.`);
process.exitCode = problems.length === 0 ? 0 : 1;
