/**
 * Keeps Node's warnings about experimental features from the console: which of them we use is our
 * business (the hybrid key of HPKE is one), and nothing that a user could act on. Others are shown.
 */
export function hideExperimentalWarnings(): void {
    const shown = process.listeners("warning");
    process.removeAllListeners("warning");
    process.on("warning", (warning) => {
        if (warning.name === "ExperimentalWarning") return;
        for (const show of shown) show(warning);
    });
}
