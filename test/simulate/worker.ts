/** One process that runs the seeds it is sent, one after the other. */
import { runOrganisations } from "@meterseal/testkit/orgs";

process.on("message", (seed: number) => {
    const before = process.cpuUsage();
    runOrganisations(seed).then(
        (report) => {
            const { system, user } = process.cpuUsage(before);
            process.send?.({ report, cpuSeconds: (system + user) / 1e6 });
        },
        (cause: unknown) => process.send?.({ seed, failure: describe(cause) }),
    );
});
process.on("disconnect", () => process.exit(0));
// Whoever started this ends it; Ctrl-C reaches the whole group.
process.on("SIGINT", () => undefined);

function describe(cause: unknown): string {
    return cause instanceof Error ? (cause.stack ?? cause.message) : String(cause);
}
