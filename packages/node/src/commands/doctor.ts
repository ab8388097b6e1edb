import type { Command } from "../cli/arguments.ts";
import { loadConfiguration } from "../config/config.ts";
import { optionsOf, type SettingName } from "../config/settings.ts";
import { counted, out } from "../console.ts";
import type { Check } from "../doctor/check.ts";
import { examine } from "../doctor/examine.ts";
import { EXIT } from "../exit-codes.ts";

/** Settings that the doctor looks at. */
const DOCTOR_SETTINGS: readonly SettingName[] = [
    ...(["data", "host", "port", "mqtt-port"] as const),
    ...([
        "http-link-port",
        "http-link-host",
        "http-link-cert",
        "http-link-key",
        "link",
        "broker-login",
        "broker-ca",
        "insecure",
    ] as const),
];

/** `meterseal doctor`: whether this machine and a data directory are fit for a server. */
export const doctorCommand: Command = {
    name: "doctor",
    summary: "checks this machine, and a data directory, for what a server needs",
    options: {
        config: { kind: "value", value: "FILE", help: "configuration file of the server" },
        ...optionsOf(DOCTOR_SETTINGS),
        json: { kind: "flag", help: "prints the checks as JSON" },
    },
    examples: [
        "meterseal doctor",
        "meterseal doctor --data .meterseal/utility",
        "meterseal doctor --config meterseal.yaml --json",
    ],
    async run(options) {
        const checks = await examine(loadConfiguration(options));
        const count = (status: Check["status"]): number =>
            checks.filter((check) => check.status === status).length;
        const [faults, warnings] = [count("fault"), count("warning")];
        if (options.json === true) out(JSON.stringify({ ok: faults === 0, checks }));
        else {
            out(checks.map(describe).join("\n"));
            out(
                `${counted(faults, "fault")}, ${counted(warnings, "warning")} in ${checks.length} checks.`,
            );
        }
        return faults === 0 ? EXIT.ok : EXIT.fault;
    },
};

function describe({ message, name, status, todo }: Check): string {
    const left = `${status.toUpperCase().padEnd(8)} ${name.padEnd(15)} `;
    return `${left}${message}${todo === null ? "" : `\n${" ".repeat(left.length)}${todo}`}`;
}
