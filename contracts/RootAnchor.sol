// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {Administered} from "./Administered.sol";

/// @title Profile "root anchor": the tree heads of transparency logs
/// @notice The owner of a log writes its size and root from time to time; nothing else of it is on
/// the chain. Each anchor names the root before it and a larger size, so anchors form one line.
/// @dev That the newer tree contains the older one is shown off the chain (RFC 9162, section 2.1.4).
/// A log is named by the SHA-256 of the origin line of its checkpoints.
contract RootAnchor is Administered {
    struct Head {
        address owner;
        /// Entries of the log; 0 before the first anchor.
        uint64 size;
        bytes32 root;
    }

    mapping(bytes32 log => Head) private heads;
    mapping(bytes32 log => address) public proposedOwner;

    /// @notice The root named as previous one is not the last anchored.
    error BadParent(bytes32 last);
    /// @notice The log would not grow.
    error NotAppended(uint64 last);

    event LogProposed(bytes32 indexed log, address indexed owner);
    event LogAccepted(bytes32 indexed log, address indexed owner);
    event Anchored(bytes32 indexed log, uint64 indexed size, bytes32 root, bytes32 previousRoot);

    /// @notice Owner, size and root of a log as of its last anchor.
    function headOf(bytes32 log) external view returns (address owner, uint64 size, bytes32 root) {
        Head storage head = heads[log];
        return (head.owner, head.size, head.root);
    }

    /// @notice Proposes the owner of a log: by the administrator, or by its owner.
    function proposeLogOwner(bytes32 log, address owner) external {
        if (msg.sender != admin && msg.sender != heads[log].owner) revert NotAllowed(msg.sender);
        proposedOwner[log] = owner;
        emit LogProposed(log, owner);
    }

    /// @notice Takes over a log; only the proposed one can.
    function acceptLog(bytes32 log) external {
        if (msg.sender != proposedOwner[log]) revert NotProposed(msg.sender);
        heads[log].owner = msg.sender;
        proposedOwner[log] = address(0);
        emit LogAccepted(log, msg.sender);
    }

    /// @notice Anchors a tree head; the previous root is 0 for the first.
    function anchor(bytes32 log, bytes32 previousRoot, uint64 size, bytes32 root) external {
        Head storage head = heads[log];
        (address owner, uint64 lastSize, bytes32 lastRoot) = (head.owner, head.size, head.root);
        if (msg.sender != owner) revert NotAllowed(msg.sender);
        if (previousRoot != lastRoot) revert BadParent(lastRoot);
        if (size <= lastSize) revert NotAppended(lastSize);
        (head.size, head.root) = (size, root);
        emit Anchored(log, size, root, previousRoot);
    }

    /// @notice Whether a leaf hash is in the last anchored tree of a log (RFC 9162, 2.1.3.2).
    /// @param path Sibling hashes, from the leaf up.
    function includes(bytes32 log, bytes32 leaf, uint64 index, bytes32[] calldata path)
        external
        view
        returns (bool)
    {
        Head storage head = heads[log];
        if (index >= head.size) return false;
        uint256 node = index;
        uint256 last = head.size - 1;
        bytes32 hash = leaf;
        for (uint256 i = 0; i < path.length; i++) {
            if (last == 0) return false;
            if (node & 1 == 1 || node == last) {
                hash = _node(path[i], hash);
                while (node & 1 == 0 && node != 0) (node, last) = (node >> 1, last >> 1);
            } else {
                hash = _node(hash, path[i]);
            }
            (node, last) = (node >> 1, last >> 1);
        }
        return last == 0 && hash == head.root;
    }

    function _node(bytes32 left, bytes32 right) private pure returns (bytes32) {
        return sha256(abi.encodePacked(bytes1(0x01), left, right));
    }
}
