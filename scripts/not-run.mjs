// Says after `npm test` what it left out, so that nobody takes a green run for more than it was.
const suites = [
    [
        "npm run test:peers",
        "Go programs on a log, real CometBFT nodes, peers of every link, the sensor's firmware",
    ],
    ["npm run test:evm", "contracts and anchors on a real EVM node"],
    ["npm run test:browser", "the portal in Chromium"],
    ["npm run test:kill", "processes that are killed"],
    ["npm run test:readme", "the commands of the pages for users"],
];
process.stderr.write("\nNot run here:\n");
for (const [command, what] of suites) process.stderr.write(`  ${command.padEnd(22)}${what}\n`);
