"""Choosing an endpoint: needs, filters, scores, orders, plan. Arithmetic only: nothing here performs IO.

:class:`~modelmux.routing.fleet.Fleet` is compiled once from the endpoints of a Mux; ``fleet.decide(request, options)``
gives a :class:`~modelmux.routing.plan.Decision`, deterministic given seed and clock.
"""
