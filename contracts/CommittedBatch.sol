// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {Administered} from "./Administered.sol";

/// @title Profile "committed batch": all registers of a group of meters in one transaction
/// @notice The contract keeps one hash for a group. Its owner hands in the registers that are behind
/// that hash and the new ones; the contract compares them one by one and keeps the hash of the new.
/// @dev Registers are 6 bytes each, big-endian, in the order that the owner chose. They are plaintext
/// in the transaction, from which anybody can read the last ones again.
contract CommittedBatch is Administered {
    struct Group {
        address owner;
        /// Of the last accepted batch; 0 before the first.
        uint48 seq;
        /// Of the batch, Unix seconds; evidence, not order.
        uint48 time;
    }

    uint256 private constant REGISTER_BYTES = 6;

    mapping(uint32 group => Group) public groups;
    mapping(uint32 group => address) public proposedOwner;
    /// @notice keccak256 of the last registers of a group; 0 before the first batch.
    mapping(uint32 group => bytes32) public commitment;

    /// @notice The sequence number was used before.
    error Replayed(uint48 expected);
    /// @notice An earlier batch of this group is missing.
    error Gap(uint48 expected);
    /// @notice Registers are missing, or bytes that are no whole register.
    error BadLength();
    /// @notice The previous registers are not those of the last batch.
    error BadParent();
    /// @notice The register at this index would run backwards.
    error Decreased(uint256 index);

    event GroupProposed(uint32 indexed group, address indexed owner);
    event GroupAccepted(uint32 indexed group, address indexed owner);
    event Written(uint32 indexed group, uint48 indexed seq, uint48 time, bytes32 commitment);

    /// @notice Proposes the owner of a group: by the administrator, or by its owner.
    function proposeGroupOwner(uint32 group, address owner) external {
        if (msg.sender != admin && msg.sender != groups[group].owner) revert NotAllowed(msg.sender);
        proposedOwner[group] = owner;
        emit GroupProposed(group, owner);
    }

    /// @notice Takes over a group; only the proposed one can.
    function acceptGroup(uint32 group) external {
        if (msg.sender != proposedOwner[group]) revert NotProposed(msg.sender);
        groups[group].owner = msg.sender;
        proposedOwner[group] = address(0);
        emit GroupAccepted(group, msg.sender);
    }

    /// @notice Writes the next registers of a group. More may follow those of the last batch.
    function write(
        uint32 group,
        uint48 seq,
        uint48 time,
        bytes calldata previous,
        bytes calldata next
    ) external {
        Group memory last = groups[group];
        if (msg.sender != last.owner) revert NotAllowed(msg.sender);
        if (seq <= last.seq) revert Replayed(last.seq + 1);
        if (seq != last.seq + 1) revert Gap(last.seq + 1);
        if (next.length == 0 || next.length % REGISTER_BYTES != 0) revert BadLength();
        if (next.length < previous.length) revert BadLength();
        bytes32 known = last.seq == 0 ? keccak256("") : commitment[group];
        if (keccak256(previous) != known) revert BadParent();
        _requireMonotone(previous, next);
        bytes32 kept = keccak256(next);
        commitment[group] = kept;
        groups[group] = Group(last.owner, seq, time);
        emit Written(group, seq, time, kept);
    }

    /// @dev Takes the first 6 bytes of a word at a time. Whatever stands behind the last register is
    /// shifted out.
    function _requireMonotone(bytes calldata previous, bytes calldata next) private pure {
        uint256 length = previous.length;
        for (uint256 i = 0; i < length; ) {
            uint256 last;
            uint256 value;
            assembly ("memory-safe") {
                last := shr(208, calldataload(add(previous.offset, i)))
                value := shr(208, calldataload(add(next.offset, i)))
            }
            if (value < last) revert Decreased(i / REGISTER_BYTES);
            unchecked {
                i += REGISTER_BYTES;
            }
        }
    }
}
