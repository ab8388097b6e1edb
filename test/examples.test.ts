import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { parseOptions } from "../packages/node/src/cli/arguments.ts";
import { anchorCommand } from "../packages/node/src/commands/anchor.ts";
import { backupCommand } from "../packages/node/src/commands/backup.ts";
import { serveCommand } from "../packages/node/src/commands/serve.ts";
import { loadConfiguration, serveConfigOf } from "../packages/node/src/config/config.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const read = (path: string): string => readFileSync(join(root, "examples", path), "utf8");
const scratch = mkdtempSync(join(tmpdir(), "meterseal-examples-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

function configOf(path: string) {
    return serveConfigOf(loadConfiguration({ config: join(root, "examples", path) }));
}

/** Value of a setting of a unit, the last one where it is repeated. */
function settingOf(unit: string, name: string): string {
    return [...unit.matchAll(new RegExp(`^${name}=(.*)$`, "gm"))].at(-1)?.[1] ?? "";
}

describe("examples/systemd", () => {
    const service = read("systemd/meterseal.service");
    const backup = read("systemd/meterseal-backup.service");

    it("starts a server with options and settings that are valid", () => {
        const words = settingOf(service, "ExecStart").split(" ");
        expect(existsSync(join(root, (words[1] ?? "").replace("/opt/meterseal/", "")))).toBe(true);
        expect(words[2]).toBe("serve");
        const { options } = parseOptions(serveCommand, words.slice(3));
        expect(options.config).toBe("/etc/meterseal/meterseal.yaml");
        const { data, host } = configOf("systemd/meterseal.yaml");
        expect([data, host]).toEqual(["/var/lib/meterseal", "127.0.0.1"]);
        expect(settingOf(service, "StateDirectory")).toBe("meterseal");
        expect(read("systemd/meterseal.sysusers")).toMatch(
            new RegExp(`^u ${settingOf(service, "User")} .* ${data}$`, "m"),
        );
    });

    it("backs up the directory that the server uses", () => {
        const [, line = ""] = /main\.ts backup (.*)'$/.exec(settingOf(backup, "ExecStart")) ?? [];
        // The shell makes one word of what is in quotes.
        const words = line.replace(/"[^"]*"/, "/var/backups/meterseal/x").split(" ");
        const { options } = parseOptions(backupCommand, words);
        expect(options.data).toBe(configOf("systemd/meterseal.yaml").data);
        expect(settingOf(backup, "ReadWritePaths")).toBe("/var/backups/meterseal");
        expect(settingOf(backup, "User")).toBe(settingOf(service, "User"));
    });

    it("anchors the log that the server writes", () => {
        const anchor = read("systemd/meterseal-anchor.service");
        const words = settingOf(anchor, "ExecStart").split(" ");
        expect(words.slice(2, 3)).toEqual(["anchor"]);
        const { options } = parseOptions(anchorCommand, words.slice(3));
        expect(options.data).toBe(configOf("systemd/meterseal.yaml").data);
        expect(settingOf(anchor, "User")).toBe(settingOf(service, "User"));
    });

    const hasSystemd = spawnSync("systemd-analyze", ["--version"]).status === 0;
    if (!hasSystemd) console.log("examples.test.ts: no systemd-analyze, units not analysed");

    it.runIf(hasSystemd)("has units that systemd accepts and rates as locked in", () => {
        const units = readdirSync(join(root, "examples/systemd"))
            .filter((name) => /\.(?:service|timer)$/.test(name))
            .map((name) => {
                const text = read(`systemd/${name}`)
                    .replace("/opt/meterseal/node_modules/.bin/node", process.execPath)
                    .replaceAll("/opt/meterseal/", root);
                writeFileSync(join(scratch, name), text);
                return join(scratch, name);
            });
        expect(units).toHaveLength(4);
        const verified = spawnSync("systemd-analyze", ["verify", ...units], { encoding: "utf8" });
        expect([verified.status, verified.stderr]).toEqual([0, ""]);
        for (const unit of units.filter((path) => path.endsWith(".service"))) {
            const words = ["security", "--offline=yes", "--threshold=20", unit];
            const rated = spawnSync("systemd-analyze", words, { encoding: "utf8" });
            expect([rated.status, rated.stdout.split("\n").at(-2)]).toEqual([
                0,
                expect.stringContaining("exposure level"),
            ]);
        }
    });
});

describe("examples/container", () => {
    const lines = read("container/Containerfile")
        .replaceAll("\\\n", " ")
        .split("\n")
        .filter((line) => /^[A-Z]+ /.test(line));
    const valuesOf = (instruction: string): string[] =>
        lines
            .filter((line) => line.startsWith(`${instruction} `))
            .map((line) => line.slice(instruction.length + 1));

    it("copies what exists, and runs as a user that is not root", () => {
        const copied = valuesOf("COPY").filter((value) => !value.startsWith("--from="));
        expect(copied).toHaveLength(2);
        for (const value of copied) {
            expect(existsSync(join(root, value.split(" ")[0] ?? "")), value).toBe(true);
        }
        expect(valuesOf("USER")).toEqual(["node"]);
        const scripts = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
            scripts: Record<string, string>;
        };
        const [, script = ""] = /npm run (\S+)/.exec(valuesOf("RUN").join(" ")) ?? [];
        expect(Object.keys(scripts.scripts)).toContain(script);
    });

    it("starts a server on its volume", () => {
        const entry = JSON.parse(valuesOf("ENTRYPOINT").join("")) as string[];
        expect(existsSync(join(root, entry[1] ?? ""))).toBe(true);
        const [command, ...words] = JSON.parse(valuesOf("CMD").join("")) as string[];
        expect(command).toBe("serve");
        const { options } = parseOptions(serveCommand, words);
        expect(valuesOf("COPY").at(-1)).toContain(options.config);
        const { data, port } = configOf("container/meterseal.yaml");
        expect(valuesOf("VOLUME")).toEqual([data]);
        expect(valuesOf("HEALTHCHECK").join("")).toContain(`127.0.0.1:${port}/readyz`);
    });
});
