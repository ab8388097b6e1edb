import { error, toHex } from "@meterseal/core";
import { type Command, requiredOption } from "../cli/arguments.ts";
import { isConfirmed } from "../cli/confirm.ts";
import { out, say } from "../console.ts";
import { EXIT } from "../exit-codes.ts";
import { requireDirectory } from "../files.ts";
import { hexBytes } from "../json-fields.ts";
import { asOperator } from "../server/as-operator.ts";
import { REMOVAL_REQUEST, REVOCATIONS_ROUTE } from "../server/operator.ts";
import type { Removal } from "../server/removal.ts";

/** `meterseal revoke`: removes a meter or a collector from a server's network. */
export const revokeCommand: Command = {
    name: "revoke",
    positional: "ID",
    summary: "removes a meter or a collector from a server's network for good, also while it runs",
    options: {
        data: {
            kind: "value",
            value: "DIR",
            help: "data directory of the server, whose operator you are",
        },
        yes: { kind: "flag", help: "does not ask" },
        json: { kind: "flag", help: "prints who was removed as JSON" },
    },
    examples: ["meterseal revoke --data .meterseal/utility 2499913e7e7ec9f5ab49bc7a662284af"],
    async run(options, [text]) {
        const dataDir = requiredOption(options, "data", "DIR");
        const id = parseId(text);
        requireDirectory(dataDir);
        say(`This removes ${toHex(id)} for good: the ledger takes nothing more of it, and nobody comes
back under this id. What it signed before stays, and stays valid.`);
        if (options.yes !== true && !(await isConfirmed("remove"))) {
            say("Nobody was removed.");
            return EXIT.ok;
        }
        const removed = await asOperator(dataDir, {
            route: REVOCATIONS_ROUTE,
            body: JSON.stringify({ format: REMOVAL_REQUEST, id: toHex(id) }),
            read: (answer) => JSON.parse(answer) as Removal,
            local: (server) => server.remove(id),
        });
        if (options.json === true) out(JSON.stringify(removed));
        else out(`Removed ${removed.role} ${removed.id} from network ${removed.network}.`);
        return EXIT.ok;
    },
};

/** An id in 32 hexadecimal digits, as `meterseal enrol` and the portal show it. */
function parseId(text: string | undefined): Uint8Array {
    try {
        return hexBytes(text?.toLowerCase(), "ID", 16);
    } catch {
        throw error("MS_USAGE", {
            expected: "ID: 32 hexadecimal digits, of a meter or collector",
            got: text ?? "none",
        });
    }
}
