// Runs what the pages for users tell them to type, in a copy of this checkout and in the order of
// the page, with a real shell. Ports are those that the pages name: nothing else may use them.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
    cpSync,
    existsSync,
    mkdirSync,
    mkdtempSync,
    readdirSync,
    readFileSync,
    rmSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { commandsOf } from "./commands.mjs";
import { PageShell } from "./shell.mjs";

const root = fileURLToPath(new URL("../..", import.meta.url));
const guides = join("docs", "guides");
const pages = ["README.md", ...readdirSync(join(root, guides)).map((file) => join(guides, file))];
const copy = join(mkdtempSync(join(tmpdir(), "meterseal pages ")), "meterseal");

/** Files under version control as they are now, and what is installed. */
function copyCheckout() {
    const listed = spawnSync("git", ["ls-files", "-z"], { cwd: root, encoding: "utf8" });
    assert.equal(listed.status, 0, listed.stderr);
    for (const path of listed.stdout.split("\0").filter((each) => existsSync(join(root, each)))) {
        if (path === "") continue;
        mkdirSync(dirname(join(copy, path)), { recursive: true });
        cpSync(join(root, path), join(copy, path));
    }
    const dist = join("packages", "portal", "dist");
    for (const made of ["node_modules", dist]) {
        const done = spawnSync("cp", ["-a", join(root, made), join(copy, made)]);
        assert.equal(done.status, 0, String(done.stderr));
    }
}

before(copyCheckout);
after(() => rmSync(dirname(copy), { recursive: true, force: true }));

/** The environment of a reader: without what npm added to ours. */
function readersEnvironment() {
    const env = Object.entries(process.env).filter(([name]) => !name.startsWith("npm_"));
    const path = (process.env.PATH ?? "")
        .split(":")
        .filter((entry) => !entry.includes("node_modules"))
        .join(":");
    return { ...Object.fromEntries(env), PATH: path };
}

for (const page of pages) {
    const commands = commandsOf(readFileSync(join(root, page), "utf8"));
    describe(page, { skip: commands.length === 0 ? "has no commands" : false }, () => {
        let shell;
        before(() => {
            shell = new PageShell(copy, readersEnvironment());
        });
        after(() => shell.close());
        for (const { exitCode, kind, line, text } of commands) {
            if (kind === "suite") continue;
            it(`line ${line}: ${text.split("\n")[0]}`, async () => {
                if (kind === "stays") return await shell.start(text);
                // Two programs on one directory or port: a reader ends the first one.
                if (text.startsWith("npm start")) await shell.stop();
                const { code, said } = await shell.run(text);
                assert.equal(code, exitCode, said);
            });
        }
    });
}
