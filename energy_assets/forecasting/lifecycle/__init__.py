"""The life of a model: trained on a history on record, kept, registered, chosen, watched.

    `training_sets`  what a model was trained on: content hash and Delta versions
    `artefacts`      bytes of models by their hash, in a folder or an object store
    `registry`       the model store behind `members.serving`: artefact and row in the lake
    `training`       which models are due, training them, histories from the lake
    `mlflow_book`    the same on record in MLflow: runs, registered versions, aliases
    `configurations` an ensemble as it stands on the record, and made from it again
    `champions`      dated choices of a target's ensemble configuration, `forecasts.champions`
    `in_force`       the ensemble that makes the forecasts at a point in time
    `validation`     losses of challenger and champion on the same past days
    `recent`         forecasts on record: those in force, and those of one configuration
    `drift`          whether recent forecasts are still calibrated

The lake is the source: a forecast loads a model by its row and checks the hash, and asks which
configuration was champion at its decision time. MLflow is the book of record for people. It is
written after training, can be filled again from the lake, and nothing before a gate waits for it or
imports it.

Not here: members (`members`), how they are combined, jobs (`defs.training`).
"""
