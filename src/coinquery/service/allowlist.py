"""What may be asked of a node through the service: reads, and sending raw transactions. Nothing else passes.

Left out on purpose, though they read: what answers only on the node that was asked before (filters, subscriptions),
what costs a node minutes or gigabytes (traces, all of the mempool, scans of the state), and what tells of its peers.
Sources: Ethereum's execution API specification, and the RPC help of Bitcoin Core and its relatives.
"""

from __future__ import annotations

_EVM = """
eth_blobBaseFee eth_blockNumber eth_call eth_chainId eth_createAccessList eth_estimateGas eth_feeHistory eth_gasPrice
eth_getBalance eth_getBlockByHash eth_getBlockByNumber eth_getBlockReceipts eth_getBlockTransactionCountByHash
eth_getBlockTransactionCountByNumber eth_getCode eth_getLogs eth_getProof eth_getStorageAt
eth_getTransactionByBlockHashAndIndex eth_getTransactionByBlockNumberAndIndex eth_getTransactionByHash
eth_getTransactionCount eth_getTransactionReceipt eth_getUncleByBlockHashAndIndex eth_getUncleByBlockNumberAndIndex
eth_getUncleCountByBlockHash eth_getUncleCountByBlockNumber eth_maxPriorityFeePerGas eth_protocolVersion
eth_sendRawTransaction eth_syncing net_listening net_peerCount net_version web3_clientVersion web3_sha3
"""

_BITCOIN = """
decoderawtransaction decodescript estimatefee estimaterawfee estimatesmartfee getbestblockhash getblock
getblockchaininfo getblockcount getblockfilter getblockhash getblockheader getblockstats getchaintips getchaintxstats
getconnectioncount getdifficulty getindexinfo getmempoolancestors getmempooldescendants getmempoolentry getmempoolinfo
getmininginfo getnetworkhashps getnetworkinfo getrawmempool getrawtransaction gettxout gettxoutproof
sendrawtransaction testmempoolaccept uptime validateaddress verifymessage verifytxoutproof
"""

ALLOWED: dict[str, frozenset[str]] = {"evm": frozenset(_EVM.split()), "bitcoin": frozenset(_BITCOIN.split())}
