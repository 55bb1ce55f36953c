"""What keeps a model from forgetting while it trains: one file a method, on torch alone.

`METHODS` is the list of them: a new method is a file and a line here. `method` has what all share, `expression` the
language in which they are written, `composed` several at work, `old_records` what files of version 1 said of them.
Optimizers and masks work in any loop by themselves.
"""

from recall_learn.methods.adapters import Adapters
from recall_learn.methods.bertadam import BertAdam
from recall_learn.methods.bss import BSS
from recall_learn.methods.child_d import ChildD
from recall_learn.methods.child_f import ChildF
from recall_learn.methods.ema import EMA
from recall_learn.methods.ewc import EWC
from recall_learn.methods.ewc_kfac import KroneckerEWC
from recall_learn.methods.k_adapter import KAdapter
from recall_learn.methods.l2sp import L2SP
from recall_learn.methods.layer_rates import LayerRates
from recall_learn.methods.lora import LoRA
from recall_learn.methods.lwf import LwF
from recall_learn.methods.mas import MemoryAwareSynapses
from recall_learn.methods.method import Method
from recall_learn.methods.mixout import Mixout
from recall_learn.methods.online_ewc import OnlineEWC
from recall_learn.methods.packnet import PackNet
from recall_learn.methods.parallel_columns import ParallelColumns
from recall_learn.methods.pseudo_rehearsal import PseudoRehearsal
from recall_learn.methods.r3f import R3F
from recall_learn.methods.recadam.method import RecAdamMethod
from recall_learn.methods.reinit import Reinit
from recall_learn.methods.siatl import SiATL
from recall_learn.methods.side_tuning import SideTuning
from recall_learn.methods.slanted import Slanted
from recall_learn.methods.smart import SMART
from recall_learn.methods.source_replay import SourceReplay
from recall_learn.methods.task_replay import TaskReplay
from recall_learn.methods.thaw import Thaw
from recall_learn.methods.top_k import TopK
from recall_learn.methods.wise_ft import WiseFT

METHODS: dict[str, type[Method]] = {
    each.name: each
    for each in (
        RecAdamMethod,
        EWC,
        OnlineEWC,
        KroneckerEWC,
        MemoryAwareSynapses,
        L2SP,
        EMA,  # averages what trains, before that is merged
        Mixout,
        R3F,
        SMART,
        LoRA,
        Adapters,
        SideTuning,
        KAdapter,
        ParallelColumns,
        BSS,
        LwF,
        SiATL,
        TopK,
        PackNet,
        Reinit,  # after what freezes, to see that none of it is drawn anew
        LayerRates,
        Slanted,
        Thaw,
        BertAdam,
        SourceReplay,
        TaskReplay,
        PseudoRehearsal,
        ChildF,
        ChildD,
        WiseFT,
    )
}
"""The methods by name, in the order in which an expression is written."""
