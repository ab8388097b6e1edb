/** Every bound of the system in one place; units are last in the names. Documented in docs/reference/limits.md. */
export const LIMITS = {
    /** One message on any link: a CBOR sequence of whole records. */
    messageBytes: 65_536,
    /** Records in one message. */
    messageRecords: 100,
    /** One signed record, envelope included. */
    recordBytes: 65_536,
    /** Nesting of arrays and maps in any CBOR that we accept. */
    cborDepth: 8,
    /** Register boundaries in one usage record (formats 4). */
    usageBoundaries: 384,
    /** Channel groups 0 … 15 (formats 4). */
    usageGroups: 16,
    /** Seal epochs that one grant covers. */
    grantSpans: 16,
    /** Windows of one D, W or C grant. */
    grantWindows: 3_072,
    /** Leaves of one tree in a span of an E grant. */
    grantBoundaries: 7_168,
    /** Largest growth of a register from one boundary to the next, in stream units (privacy 3.1). */
    slotDelta: 2 ** 20 - 1,
    /** Why a meter's register is corrected, in words. */
    correctionCharacters: 200,
    /** Corrections of a seal epoch by which a meter knows one that is asked for again. */
    rememberedCorrections: 256,
    /** Records of one chain that may wait for an earlier one (formats 8). */
    pendingRecords: 64,
    /** How far a record's clock may run ahead of the entry time (formats 8). */
    clockAheadSeconds: 900,
    /** How long a branch's vertex waits at the log for the time of its records, all later ones behind it. */
    clockWaitSeconds: 7_200,
    /** Distance allowed between a civil address and its slot (formats 8). */
    civilSkewSeconds: 26 * 3600,
    /** A vertex closes at this size … */
    vertexBytes: 262_144,
    /** … or this number of records … */
    vertexRecords: 500,
    /** … or this age of its first record (formats 6). */
    vertexAgeMs: 2_000,
    /** Records on their way from the store to the ledger; beyond it messages wait. */
    vertexBacklog: 10_000,
    /** Stored records that wait for the ledger's time; beyond it their meters are told to wait. */
    earlyRecords: 10_000,
    /** Vertices of one collector that an engine has been handed and has not put into the log. */
    verticesUnderWay: 32,
    /** Log entries, or vertices, in one page that collectors exchange … */
    exchangeEntries: 256,
    /** … and its bytes, beyond which no further one is added. */
    exchangeBytes: 1_048_576,
    /** Pages that a server has under way with other collectors; beyond it they are told to wait. */
    exchangePages: 4,
    /** Authors whose heads one message names. */
    exchangeAuthors: 4_096,
    /** Vertices of others that a branch keeps before the log has them; beyond it they stay with peers. */
    foreignVertices: 65_536,
    /** Vertices whose parents are unknown … */
    orphanVertices: 256,
    /** … those of one author among them … */
    orphanVerticesPerAuthor: 64,
    /** … and the bytes of all. */
    orphanBytes: 16_777_216,
    /** Transactions in the mempool of a CometBFT node, which are looked through after each block … */
    mempoolTransactions: 5_000,
    /** … their bytes: four blocks … */
    mempoolBytes: 67_108_864,
    /** … those of vertices among them whose parents are unknown: a quarter of a block … */
    mempoolOrphanBytes: 4_194_304,
    /** … and of one author's. */
    mempoolOrphanBytesPerAuthor: 1_048_576,
    /** Messages that a validator remembers as well signed, from its mempool to the block … */
    rememberedSignatures: 65_536,
    /** … and bytes of its node's requests that one connection reads before they are answered. */
    abciUnansweredBytes: 67_108_864,
    /** How long a member of a shared ledger that ends waits for the others to take its last vertices. */
    sharedLogWaitMs: 10_000,
    /** Parents of one vertex: at least two, at most this many (formats 7). */
    vertexParents: 8,
    /** Entries of the log that may wait for witnesses to cosign; beyond it the log takes no more. */
    unwitnessedEntries: 4_096,
    /** Records committed to disk in one transaction, which is one turn of the event loop. */
    commitRecords: 300,
    /** Longest time that a record waits for its transaction. */
    commitDelayMs: 3,
    /** Signatures under verification at one time. */
    verifyWindow: 512,
    /** Of records that contradict an accepted one: they may be evidence, and may wait. */
    conflictWindow: 4,
    /** Messages waiting in the collector over all links; beyond it a sender is told to wait. */
    ingestMessages: 1_024,
    /** Bytes of messages that the collector takes in one turn of its event loop; one message fits. */
    turnBytes: 32_768,
    /** Messages per second of one key, sustained; bursts up to {@link LIMITS.ingestBurst}. */
    ingestRatePerSecond: 200,
    /** Messages that one key may send at once before its rate applies. */
    ingestBurst: 400,
    /** Records that a meter keeps until they are final. */
    outboxRecords: 4_096,
    /** Boundaries of a meter that are in no record yet; beyond it those of slot level are thinned. */
    waitingBoundaries: 4_096,
    /** Records that a meter has under way (sent, not yet stored). */
    outboxInFlight: 100,
    /** Grants and policies of one household in a server's grant box … */
    boxMessages: 1_024,
    /** … and the bytes of them. */
    boxBytes: 16_777_216,
    /** Accesses that the box remembers of each of them, and as many refused ones. */
    boxAccesses: 256,
    /** Wait of a command for another one that issues grants of the same home. */
    journalWaitMs: 60_000,
    /** Parties, notices, grants or vertices in one answer of the API. */
    listItems: 500,
    /** Requests per second of one party, sustained; bursts up to {@link LIMITS.partyBurst}. */
    partyRatePerSecond: 20,
    /** Requests that one party may send at once before its rate applies. */
    partyBurst: 200,
    /** Age of the token by which a party asks, either way. */
    tokenAgeSeconds: 300,
    /** What a caller says of its purpose. */
    purposeCharacters: 64,
    /** Content of an encrypted copy of a wallet. */
    walletBytes: 16_777_216,
    /** Characters that the passphrase of such a copy has at least. */
    passphraseCharacters: 12,
    /** A configuration file of a server. */
    configBytes: 65_536,
    /** Age by the log's clock below which no record is pruned: what may still be disputed stays. */
    disputeSeconds: 62 * 86_400,
    /** Log time behind its last signed entry that an auditor takes of a log which several share. */
    unsignedLogSeconds: 3_600,
    /** Records whose bytes are pruned in one transaction. */
    pruneRecords: 500,
    /** Prunings in one log: whoever reads it adds up as many ranges at each record. */
    prunings: 4_096,
    /** Free bytes of a server's disk below which it is not ready, and which no image of the state takes. */
    freeDiskBytes: 67_108_864,
    /** Text of a readings file. */
    csvBytes: 134_217_728,
    /** One line of a readings file. */
    csvLineCharacters: 4_096,
    /** Rows of a plain readings file, and intervals from its first to its last. */
    csvIntervals: 2_000_000,
    /** Windows in one answer with sums; the rest is on further pages. */
    sumWindows: 1_000,
    /** Boundaries that are looked at for one that may stand in for an absent one. */
    sumSteps: 400,
    /** Records in one answer with evidence of a stretch. */
    evidenceRecords: 4_096,
    /** Answers with sums or evidence of a stretch that are under way at one time. */
    sumRequests: 8,
    /** Raw readings of one meter that wait for their slot boundary to be sealed. */
    readingsWaiting: 65_536,
    /** Entries that one elimination of the derivation engine touches, and short stretches it looks at. */
    deriveEntries: 2_000_000,
    /** One line of a wallet's journal: a grant, its messages, and what can be computed with it. */
    journalLineBytes: 4_194_304,
    /** Leases of one policy that a wallet issues in one round, after it was off for long. */
    leasesAtOnce: 64,
    /** CBOR of a tariff; a whole message around it still fits its limit. */
    tariffBytes: 64_512,
    /** Price of a kWh or a fixed charge, in millionths of the currency unit, of either sign. */
    tariffPriceMicro: 2 ** 40,
    /** Bands of one direction of a tariff. */
    tariffBands: 16,
    /** Times at which bands apply, of one direction. */
    tariffRules: 64,
    /** Prices of a series: a year of hours and more, four months of quarter-hours. */
    tariffPrices: 12_288,
    /** Fixed charges of a tariff. */
    tariffCharges: 16,
    /** Text of a tariff file. */
    tariffCharacters: 1_048_576,
    /** Slots that one bill covers: a year of quarter-hours, a month of minutes. */
    billSlots: 46_080,
    /** What a bill is checked against, as a file. */
    billEvidenceBytes: 134_217_728,
    /** Text of a bill file. */
    billCharacters: 4_096,
    /** Members of one cohort; its notice must fit a message besides (privacy 3.7). */
    cohortMembers: 1_024,
    /** Readings of members that one answer with sums over a cohort adds up. */
    cohortReads: 65_536,
    /** Windows of a cohort in its month: quarter-hours and an hour more; tokens fit a message. */
    cohortWindows: 2_980,
    /** One call to a node of an EVM chain. */
    evmCallMs: 10_000,
    /** One answer of such a node. */
    evmAnswerBytes: 4_194_304,
    /** Signed forms of one transaction, each paying more than the one before. */
    evmVersions: 16,
    /** Meters whose static keys of shorter handshakes a link of a collector remembers. */
    introductions: 4_096,
    /** One frame on a serial line, its end included. */
    serialFrameBytes: 1_024,
    /** Numbered segments of a serial line under way in one direction. */
    serialWindow: 32,
    /** Times that one of them is sent before the line counts as dead. */
    serialAttempts: 10,
    /** A signed record in one LoRaWAN frame, which every data rate from DR3 on carries (EU868). */
    loraCompactBytes: 115,
    /** A light reading, which every data rate of EU868 carries. */
    loraLightBytes: 51,
    /** Boundaries of one meter that light readings brought and no checkpoint signs yet. */
    loraLightReadings: 768,
    /** Parts of one transfer over LoRaWAN. */
    loraFragments: 16,
    /** Frames of devices under way at one time in a bridge. */
    loraUplinks: 256,
    /** Frames that wait for the receive windows of one device. */
    loraDownlinks: 16,
    /** LoRaWAN devices of one bridge. */
    loraDevices: 1_000,
    /** Text of the list of a bridge's LoRaWAN devices. */
    loraDevicesBytes: 1_048_576,
    /** Gateways that a bridge sends frames through. */
    loraGateways: 64,
} as const;
