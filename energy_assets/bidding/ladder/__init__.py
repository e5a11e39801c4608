"""The rungs of the bid ladder below the full model, and how a rung is run.

- by the solver: `few_scenarios` (reduced scenarios, LP with repair);
- by arithmetic: `marginal_cost`, `last_accepted`, `price_independent`, on the plant's plan by merit
  (`merit_plan`, `commitment_path`, `battery_rule`);
- around them: `budgets` (time until the gate), `solver_child` (a solve that can be killed),
  `failure` (why a rung gave nothing), `earlier_orders` (read from the lake).

Not here: the order of the rungs and the choice between them (`rungs`).
"""
